"""What is read is never written over, and what is not an image is not replaced by one."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import MachineError, SpecError
from sysimage.pipeline.options import BuildRequest, BuildSources, DeclaredSystem, Delivery, Identity, Planning
from sysimage.pipeline.output_checks import (
    Input,
    check_outputs,
    refuse_another_format,
    refuse_inputs,
    require_file_output,
    require_layout_output,
    source_inputs,
)
from sysimage.spec import parse_spec
from tests.support.builds import NO_ARCHIVE
from tests.support.descriptors import no_descriptor_is_left

TIOCGPTN = 0x80045430
"""Which terminal has this other end; Python has no name for it."""


def refused(output: Path | int, *inputs: Input) -> list[str]:
    """The issue of each input that is at the output."""
    try:
        refuse_inputs(output, inputs)
    except SpecError as error:
        return [str(issue) for issue in error.issues]
    return []


@pytest.mark.parametrize("to_descriptor", [False, True])
def test_a_refusal_says_where_nothing_is_written_and_what_to_do(tmp_path: Path, to_descriptor: bool) -> None:
    file = tmp_path / "spec.json"
    file.touch()
    with file.open() as opened, pytest.raises(SpecError) as caught:
        refuse_inputs(opened.fileno() if to_descriptor else file, [Input("the spec", file)], hint="do otherwise")
    where = "standard output" if to_descriptor else file
    assert (caught.value.message, caught.value.hint) == (f"cannot write {where}: it is also an input", "do otherwise")


def test_an_input_is_known_by_whatever_name_it_has(tmp_path: Path) -> None:
    file, other = tmp_path / "spec.json", tmp_path / "other"
    file.touch()
    other.touch()
    (tmp_path / "link").symlink_to("spec.json")
    (tmp_path / "here").symlink_to(".")
    os.link(file, tmp_path / "hard")
    spec = Input("the spec", file)
    for name in ("spec.json", "link", "hard", "here/spec.json"):
        assert refused(tmp_path / name, Input("the lock", other), spec) == [f"{file}: is the spec"]
    assert refused(tmp_path / "new", spec) == []
    assert refused(other, spec) == []
    absent = Input("the lock", tmp_path / "here/new")
    assert refused(tmp_path / "new", absent) == [f"{tmp_path}/here/new: is the lock"]
    assert refused(file, spec, Input("the base image", file)) == [f"{file}: is the spec", f"{file}: is the base image"]


def test_a_descriptor_is_known_by_the_file_that_it_is_open_on(tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.touch()
    null = os.open(os.devnull, os.O_WRONLY)
    descriptor = os.open(file, os.O_WRONLY)
    try:
        assert refused(descriptor, Input("the spec", file)) == [f"{file}: is the spec"]
        assert refused(file, Input("standard input", descriptor)) == [f"{descriptor}: is standard input"]
        assert refused(descriptor, Input("the spec", tmp_path / "other")) == []
        assert refused(tmp_path / "other", Input("the spec", descriptor)) == []
        assert refused(descriptor, Input("the cache", tmp_path, whole=True)) == []
        # Nothing of a device is destroyed by writing to it.
        assert refused(null, Input("standard input", Path(os.devnull))) == []
    finally:
        os.close(descriptor)
        os.close(null)


def test_of_a_directory_that_is_read_whole_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below/file").touch()
    (tmp_path / "link").symlink_to("tree/below/file")
    whole, top = Input("the tree", tree, whole=True), Input("the tree", tree)
    for name in ("tree/below/file", "tree/below", "link"):
        assert refused(tmp_path / name, whole) == [f"{tree}: is the tree, and holds it"]
        assert refused(tmp_path / name, top) == []
    assert refused(tree, whole) == [f"{tree}: is the tree"]
    assert refused(tree / "below/new", whole) == []
    assert refused(tree / "below/file", Input("a file", tree / "below/other", whole=True)) == []


def test_a_file_is_written_where_one_is_or_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("below/file")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for name in ("file", "pipe", "new", "/dev/null"):
            require_file_output(tmp_path / name)
        for name, kind in ((".", "a directory"), ("socket", "a socket")):
            with pytest.raises(SpecError) as caught:
                require_file_output(tmp_path / name)
            assert (str(caught.value), caught.value.hint) == (
                f"cannot write {tmp_path / name}: it is {kind}",
                "name a file",
            )
    for name, above in (("no/file", "no"), ("dangling", "below")):
        with pytest.raises(MachineError) as nowhere:
            require_file_output(tmp_path / name)
        assert str(nowhere.value) == f"cannot write {tmp_path / name}: there is no directory {tmp_path / above}"
        assert nowhere.value.hint == "make it first"
        require_file_output(tmp_path / name, makes_directories=True)
    (tmp_path / "below").mkdir()
    require_file_output(tmp_path / "dangling")
    with pytest.raises(MachineError, match=r"cannot write .*/file/x: Not a directory"):
        require_file_output(tmp_path / "file/x")


def test_an_image_is_not_written_to_a_terminal() -> None:
    above, below = os.openpty()
    try:
        with no_descriptor_is_left(), pytest.raises(SpecError) as caught:
            require_file_output(Path(os.ttyname(below)))
    finally:
        os.close(above)
        os.close(below)
    assert str(caught.value) == "cannot write an image to a terminal"
    assert caught.value.hint == "name a file, or pipe it: --output -"


def test_a_device_that_cannot_be_asked_is_not_refused() -> None:
    """A terminal that is locked still cannot be opened."""
    with Path("/dev/ptmx").open("rb", buffering=0) as above:
        (number,) = struct.unpack("i", fcntl.ioctl(above, TIOCGPTN, bytes(4)))
        below = Path(f"/dev/pts/{number}")
        with pytest.raises(OSError, match="Input/output error"):
            below.read_bytes()
        require_file_output(below)


def test_a_layout_is_written_where_one_is_or_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    (tmp_path / "dangling").symlink_to("new")
    for name in ("empty", "new", "dangling"):
        require_layout_output(tmp_path / name)
    with pytest.raises(SpecError) as caught:
        require_layout_output(tmp_path / "file")
    assert str(caught.value) == f"cannot write an OCI layout to {tmp_path}/file: it is not a directory"
    assert caught.value.hint == "name a directory"
    with pytest.raises(SpecError):
        require_layout_output(tmp_path / "other")
    with pytest.raises(MachineError, match="there is no directory"):
        require_layout_output(tmp_path / "no/layout")


def test_only_a_file_of_the_format_is_replaced(tmp_path: Path) -> None:
    place = tmp_path / "file"
    refuse_another_format(place, "mark", "a report")
    for text in ("", " \n", "x mark", " " * 4092 + "mark"):
        place.write_text(text)
        refuse_another_format(place, "mark", "a report")
    for text in ("x", " " * 4093 + "mark x", "x" * 4093 + "mark"):
        place.write_text(text)
        with pytest.raises(SpecError) as caught:
            refuse_another_format(place, "mark", "a report")
        assert str(caught.value) == f"cannot write {place}: what is there is not a report"
        assert caught.value.hint == "rename it, or choose another output"
    (tmp_path / "dangling").symlink_to("nowhere")
    for other in (tmp_path, tmp_path / "dangling"):
        with pytest.raises(SpecError) as caught:
            refuse_another_format(other, "mark", "a report")
        assert (str(caught.value), caught.value.hint) == (
            f"cannot write {other}: it is not a file",
            "a report is written there",
        )


FULL: dict[str, Any] = {
    "packages": ["./own.deb"],
    "files": {"/etc/a": {"source": "a"}, "/etc/b": {"text": "b"}},
    "trees": {"/srv/t": {"source": "t"}},
    "python": {"lock": "requirements.txt", "source": "src", "wheels": "w"},
    "node": {"lock": "package-lock.json", "at": "/srv/n", "tarballs": "n"},
    "java": {"jars": ["j", "k"], "at": "/srv/j"},
    "from-image": "base.tar:1",
}


def spec_of(**said: Any) -> Any:
    return parse_spec(json.dumps({"name": "x", "packages": [], **said}))


def test_everything_that_a_spec_names_on_this_machine_is_an_input(tmp_path: Path) -> None:
    (tmp_path / "base.tar").touch()
    found = [(one.what, one.place, one.whole) for one in source_inputs(spec_of(**FULL), tmp_path)]
    assert found == [
        ("the source of /etc/a", tmp_path / "a", False),
        ("the package ./own.deb", tmp_path / "own.deb", False),
        ("the tree /srv/t", tmp_path / "t", True),
        ("the lock file of Python packages", tmp_path / "requirements.txt", False),
        ("the Python code", tmp_path / "src", True),
        ("the directory of wheels", tmp_path / "w", True),
        ("the lock file of npm packages", tmp_path / "package-lock.json", False),
        ("the directory of tarballs", tmp_path / "n", True),
        ("the jars", tmp_path / "j", True),
        ("the jars", tmp_path / "k", True),
        ("the base image", tmp_path / "base.tar", True),
    ]
    assert list(source_inputs(spec_of(**{"from-image": "registry.example/web:1"}), tmp_path)) == []
    less = spec_of(python={"source": "src"}, node={"lock": "package-lock.json", "at": "/srv/n"})
    assert [one.what for one in source_inputs(less, tmp_path)] == ["the Python code", "the lock file of npm packages"]
    other = {"address": "https://vendor.example/debian", "suites": ["stable"], "key": "vendor.asc"}
    archives = spec_of(**{"package-sources": [{}, other, {"file": "x.sources"}]})
    assert [(one.what, one.place) for one in source_inputs(archives, tmp_path)] == [
        ("the package sources", tmp_path / "vendor.asc"),
        ("the package sources", tmp_path / "x.sources"),
    ]
    store = parse_spec('{"name": "x", "from-store": {"paths": ["p"], "source": "db", "location": "store"}}')
    assert [(one.what, one.place, one.whole) for one in source_inputs(store, tmp_path)] == [
        ("the source of the store", tmp_path / "db", False),
        ("the location of the store", tmp_path / "store", True),
    ]


def request(top: Path, **delivery: Any) -> BuildRequest:
    system = DeclaredSystem.of(
        spec_of(trees={"/srv/t": {"source": "t"}}), top, top / "x.lock.json", (top / "inc.json",)
    )
    other = DeclaredSystem.of(spec_of(files={"/a": {"source": "a"}}), top / "other", None)
    sources = BuildSources(top / "cache", NO_ARCHIVE)
    return BuildRequest(
        system,
        sources,
        Identity.of(system.spec),
        Planning(together=(other,)),
        delivery=replace(Delivery(None), **delivery),
    )


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("t/file", "t: is the tree /srv/t, and holds it"),
        ("inc.json", "inc.json: is a file that the spec includes"),
        ("x.lock.json", "x.lock.json: is a lock file"),
        ("other/a", "other/a: is the source of /a"),
        ("cache/x", "cache: is the cache, and holds it"),
        ("spec.json", "spec.json: is the spec"),
        ("named", "named: is an earlier build"),
    ],
)
def test_a_build_writes_over_nothing_that_it_reads(tmp_path: Path, output: str, said: str) -> None:
    (tmp_path / output).parent.mkdir(exist_ok=True)
    (tmp_path / output).touch()
    spec, named = [Input("the spec", tmp_path / "spec.json")], [Input("an earlier build", tmp_path / "named")]
    with pytest.raises(SpecError) as caught:
        check_outputs(request(tmp_path, output=tmp_path / output), spec, named)
    assert [str(issue) for issue in caught.value.issues] == [f"{tmp_path}/{said}"]
    assert caught.value.hint == "name another output"


def test_the_record_beside_an_output_replaces_a_record_and_no_input(tmp_path: Path) -> None:
    record = tmp_path / "web.plan.json"
    earlier = [Input("an earlier build", record)]
    asked = request(tmp_path, output=tmp_path / "web.tar", record=True)
    check_outputs(asked, (), earlier)
    record.write_text("text")
    check_outputs(request(tmp_path, output=tmp_path / "web.tar"), (), earlier)
    with pytest.raises(SpecError) as caught:
        check_outputs(asked, (), earlier)
    assert str(caught.value) == (
        f"cannot write {record}: what is there is not the record of a build, which belongs beside the image"
    )
    with pytest.raises(SpecError) as refused_input:
        check_outputs(asked, [Input("the spec", record)], ())
    assert refused_input.value.hint == "the plan of an image is written beside it; name another output"


def test_outputs_are_what_their_format_needs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check_outputs(request(tmp_path), (), ())
    check_outputs(request(tmp_path, output=1), (), ())
    check_outputs(request(tmp_path, output=tmp_path / "file"), (), ())
    check_outputs(request(tmp_path, output=tmp_path / "layout", format="oci-dir"), (), ())
    with pytest.raises(SpecError, match="cannot write an OCI layout"):
        check_outputs(request(tmp_path, output=tmp_path / "file", format="oci-dir"), (), ())
    with pytest.raises(SpecError, match="it is a directory"):
        check_outputs(request(tmp_path, output=tmp_path), (), ())

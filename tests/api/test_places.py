"""Where an image goes, and what may not be written over on the way."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.api import arguments
from sysimage.api.arguments import checked_name, earlier_builds, image_name, reported, spec_inputs
from sysimage.api.delivery import chosen_output, delivery
from sysimage.destinations.daemon import Engine
from sysimage.image import ImageName
from sysimage.pipeline.options import Delivery
from sysimage.pipeline.output_checks import Input
from sysimage.spec import parse_spec

SETTINGS = api.Settings(environ={"HOME": "/home/ann"})


def test_output_and_format_follow_from_each_other(tmp_path: Path) -> None:
    there = str(tmp_path)
    assert chosen_output(1, None, "web:1", "amd64") == ("archive", 1)
    assert chosen_output(1, "docker-archive", "web:1", "amd64") == ("docker-archive", 1)
    assert chosen_output("a.tar", None, "web:1", "amd64") == ("archive", Path("a.tar"))
    assert chosen_output("new/", None, "web:1", "amd64") == ("oci-dir", Path("new"))
    assert chosen_output(there, None, "web:1", "amd64") == ("oci-dir", tmp_path)
    assert chosen_output(tmp_path, "archive", "web:1", "amd64") == ("archive", tmp_path)
    assert chosen_output("new", "oci-dir", "web:1", "amd64") == ("oci-dir", Path("new"))
    assert chosen_output(None, None, "team/web:1", "amd64") == ("archive", Path("team-web-1-amd64.oci.tar"))
    assert chosen_output(None, None, "web:1", "arm/v7") == ("archive", Path("web-1-arm-v7.oci.tar"))
    assert chosen_output(None, "docker-archive", "web:1", "arm64")[1] == Path("web-1-arm64.docker.tar")
    assert chosen_output(None, "oci-dir", "web:1", "arm64")[1] == Path("web-1-arm64")


def delivered(output: Any = None, form: Any = None, push: tuple[str, ...] = (), load: str | None = None) -> Delivery:
    return delivery(output, form, push, load, name="web:1", architecture="amd64", settings=SETTINGS)


def test_an_image_goes_to_every_place_that_is_named_and_to_no_other() -> None:
    assert delivered() == Delivery(Path("web-1-amd64.oci.tar"), "archive")
    assert delivered(form="oci-dir") == Delivery(Path("web-1-amd64"), "oci-dir")
    engine = Engine("podman", environment={"HOME": "/home/ann"})
    assert delivered(load="podman") == Delivery(None, "archive", load=engine)
    assert delivered("a.tar", "docker-archive", load="podman") == Delivery(Path("a.tar"), "docker-archive", load=engine)
    pushed = delivered(push=("host.test/web:1", "host.test/other:1"))
    assert (pushed.output, pushed.format, pushed.load) == (None, "archive", None)
    assert [[str(name) for name in one.target.names()] for one in pushed.pushes] == [
        ["host.test/web:1"],
        ["host.test/other:1"],
    ]
    assert all(one.registries == SETTINGS.registries() for one in pushed.pushes)
    both = delivered("a.tar", push=("host.test/web:1",))
    assert (both.output, len(both.pushes)) == (Path("a.tar"), 1)


@pytest.mark.parametrize(
    ("asked", "message", "hint"),
    [
        (
            {"form": "zip"},
            "cannot write the format 'zip': it must be one of archive, docker-archive, oci-dir",
            None,
        ),
        ({"load": "lxc"}, "cannot load into 'lxc': it must be one of docker, podman, nerdctl", None),
        (
            {"form": "archive", "load": "docker"},
            "cannot write the format archive: no --output says where",
            "say --output, or no --format",
        ),
    ],
)
def test_a_place_that_cannot_be_is_refused(asked: dict[str, Any], message: str, hint: str | None) -> None:
    with pytest.raises(api.SpecError) as caught:
        delivered(**asked)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_name_of_an_image_is_one() -> None:
    assert image_name("team/web:2") == ImageName("team/web", "2")
    assert (checked_name(None), checked_name("web")) == (None, "web")
    for check in (image_name, checked_name):
        with pytest.raises(api.SpecError, match=r"^cannot name the image: ") as caught:
            check("UPPER")
        assert caught.value.hint == "say such as --tag web:1.0"


def test_a_spec_and_earlier_builds_may_not_be_written_over(tmp_path: Path) -> None:
    assert list(spec_inputs("a.json")) == list(spec_inputs(Path("a.json"))) == [Input("the spec", Path("a.json"))]
    assert list(spec_inputs({})) == []
    (tmp_path / "oci-layout").touch()
    assert list(earlier_builds(None, ())) == []
    assert list(earlier_builds("a.tar", [tmp_path, "b.json"])) == [
        Input("the previous build", Path("a.tar")),
        Input("an earlier build", tmp_path, whole=True),
        Input("an earlier build", Path("b.json")),
    ]


def test_faults_of_the_machine_are_those_of_one_kind_and_others_pass() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/nowhere/a.tar")
    for error, message in (
        (full, "cannot use /nowhere/a.tar: "),
        (MemoryError(), "cannot go on: there is no memory left"),
    ):
        with pytest.raises(api.MachineError) as caught, reported():
            raise error
        assert caught.value.message.startswith(message)
        assert caught.value.__cause__ is error
    for other in (FileNotFoundError(errno.ENOENT, "is not there"), KeyError("a")):
        with pytest.raises(type(other)) as passed, reported({}):
            raise other
        assert passed.value is other
    with pytest.raises(api.SpecError) as told, reported({"name": "a"}):
        raise api.SpecError("cannot build it: it is wrong")
    assert told.value.message == "cannot build it: it is wrong"


def test_a_fault_of_a_file_has_the_line_of_what_was_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{\n "name": "a",\n "packages": [],\n "files": {"/x": {"source": "none"}}\n}\n')
    choices = api.SpecChoices.of(set={"files./y": {"source": "none"}})
    with pytest.raises(api.SpecError) as caught, reported(tmp_path / "a.json", choices):
        raise api.SpecError("cannot", issues=[api.Issue(f"/files/~1{name}/source", "is not there") for name in "xy"])
    assert [(one.where, one.line) for one in caught.value.issues if "x" in one.where] == [("/files/~1x/source", 4)]
    assert [one.file for one in caught.value.issues if "y" in one.where] != [None]


def test_a_spec_that_was_read_has_no_choices_left() -> None:
    spec = parse_spec('{"name": "web", "packages": []}')
    with pytest.raises(TypeError, match="a SystemSpec has been read with them"):
        api.plan(spec, choices=api.SpecChoices.of(set={"max-layers": 3}), settings=SETTINGS)
    (system,) = arguments.declared_systems(spec, "there", "a.lock.json")
    assert (system.spec, system.spec_dir, system.lock_file) == (spec, Path("there"), Path("a.lock.json"))
    (system,) = arguments.declared_systems(spec, None, None)
    assert (system.spec_dir, system.lock_file) == (Path(), None)


def test_names_of_the_library_are_found_when_they_are_asked_for() -> None:
    assert set(api.__all__) <= set(dir(api))
    assert str in arguments.Spec.__args__
    for module in (api, arguments):
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'nothing'"):
            _ = module.nothing
    assert {api.resolve({"name": "a", "packages": []}, directory="b").spec.name} == {"a"}

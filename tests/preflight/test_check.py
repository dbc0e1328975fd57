"""A build refuses what the verifier would refuse, at its place in the spec; what it makes verifies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.preflight.image_files import ImageFiles
from sysimage.rules.files import FileKind
from sysimage.store.items import OwnFile, ShownFiles
from sysimage.verify import verify_image
from sysimage.verify.issue_collector import IssueCollector
from sysimage.verify.layer import Reading, read_layer
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents
from sysimage.verify.tree import FileTree
from tests.support.builds import build_from_store, registered
from tests.support.images import build_image
from tests.support.raw_image import RawImage, write_archive
from tests.support.raw_tar import archive, file, symlink
from tests.support.store_builder import ELF, Link, Program, StoreBuilder, small_system, static_elf


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a store of two items, sources, and a base image."""
    top = tmp_path_factory.mktemp("preflight")
    store = StoreBuilder(top / "store")
    store.add("dash", {"bin": {"sh": Program(ELF), "true": Link("sh"), "script": Program("#!{dash}/bin/sh\n")}})
    store.add("tool", {"bin": {"tool": Program("#!{dash}/bin/sh\n"), "data": "text", "lost": Link("nowhere")}})
    registered(store.closure("tool"), top / "registration")
    (top / "paths").write_text(str(store.items["tool"].path))
    for name, text, mode in (
        ("script", "#!/bin/sh\n", 0o755),
        ("private", "#!/bin/sh\n", 0o700),
        ("plain", "#!/bin/sh\n", 0o644),
        ("crlf", "#!/bin/sh\r\n", 0o755),
        ("lost", "#!/opt/lost\n", 0o755),
        ("group-only", "#!/bin/sh\n", 0o654),
    ):
        (top / name).write_text(text)
        (top / name).chmod(mode)
    base = archive(
        file(b"bin/sh", static_elf(), mode=0o755),
        symlink(b"bin/gone", b"/nowhere"),
        file(b"etc/group", b"root:x:0:\n"),
        file(b"etc/passwd", b"root:x:0:0:root:/root:/bin/zsh\n"),
    )
    runtime = {"Cmd": ["/bin/sh"], "Healthcheck": {"Test": ["CMD", "/bin/curl"]}}
    write_archive(RawImage(base, config={"config": runtime}).layout(), top / "base")
    build_from_store(top, pack(top, name="guix-base"), top / "guix-base")
    collected = symlink(b"var/guix/gcroots/auto", b"/gnu/store/collected")
    write_archive(RawImage(base, archive(collected), config={"config": runtime}).layout(), top / "collected")
    return top


def pack(workspace: Path, **more: Any) -> dict[str, Any]:
    """A spec of the tool and its shell."""
    source = {
        "paths": [(workspace / "paths").read_text()],
        "source": "registration",
        "location": "store",
        "links": {"/tool": "bin"},
    }
    return {"name": "pack", "from-store": source, "entry-point": ["/tool/tool"], **more}


def issues(workspace: Path, spec: dict[str, Any]) -> list[str]:
    output = workspace / "refused.tar"
    with pytest.raises(SpecError) as caught:
        build_from_store(workspace, spec, output)
    assert not output.exists()
    assert caught.value.exit_status == 2
    return [str(issue) for issue in caught.value.issues]


@pytest.mark.parametrize("more", [{}, *({"from-image": base} for base in ("base", "guix-base", "collected"))])
def test_what_can_run_is_built_and_verifies(workspace: Path, more: dict[str, Any], tmp_path: Path) -> None:
    build_from_store(workspace, pack(workspace, **more), tmp_path / "image.tar")
    verify_image(tmp_path / "image.tar")


RUNS = "what runs first is"
FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"entry-point": ["/tool/none"]}, "/entry-point/0", f"{RUNS} /tool/none, but "),
    ({"entry-point": ["/tool/data"]}, "/entry-point/0", "bin/data is not executable (its mode is 0444)"),
    ({"entry-point": ["/tool/lost"]}, "/entry-point/0", "is a link to nowhere, which is not in the image"),
    ({"from-image": "base", "entry-point": ["/bin/gone"]}, "/entry-point/0", "/bin/gone is a link to /nowhere, which"),
    (
        {"store": {"database": False}, "files": {"/var/guix/db/db.sqlite": {"text": ""}}},
        "/files/~1var~1guix~1db~1db.sqlite",
        "is where a store has its database",
    ),
    (
        {"files": {"/nix/var/nix/db/db.sqlite-wal": {"text": ""}}},
        "/files/~1nix~1var~1nix~1db~1db.sqlite-wal",
        "is where a store has its database",
    ),
    (
        {"files": {"/var/lib/dpkg/status.d/x": {"text": "Package: x\n"}}},
        "/files/~1var~1lib~1dpkg~1status.d~1x",
        "reports a package to scanners, and no item of the image is",
    ),
    (
        {"files": {"/var/lib/dpkg/status.d/x.md5sums": {"text": ""}}},
        "/files/~1var~1lib~1dpkg~1status.d~1x.md5sums",
        "reports a package to scanners, and no item of the image is",
    ),
    ({"from-image": "guix-base", "store": {"database": False}}, "/store/database", "must know the items on top"),
    ({"entry-point": ["/tool"]}, "/entry-point/0", "is a directory, not a program"),
    ({"entry-point": [], "command": ["none"]}, "/command/0", f"{RUNS} none, which is not in the image's "),
    ({"files": {"/x": {"source": "plain"}}, "entry-point": ["/x"]}, "/entry-point/0", "(its mode is 0644)"),
    ({"files": {"/x": {"source": "group-only"}}, "entry-point": ["/x"]}, "/entry-point/0", "(its mode is 0644)"),
    ({"files": {"/x": {"source": "script", "mode": "0600"}}, "entry-point": ["/x"]}, "/entry-point/0", "mode is 0600"),
    ({"files": {"/x": {"source": "crlf"}}, "entry-point": ["/x"]}, "/entry-point/0", "carriage return"),
    ({"files": {"/x": {"source": "lost"}}, "entry-point": ["/x"]}, "/entry-point/0", "a script for /opt/lost, which"),
    ({"files": {"/x": {"source": "script"}}, "entry-point": ["/x"]}, "/entry-point/0", "a script for /bin/sh, which"),
    ({"symlinks": {"/x": "/y", "/y": "x"}, "entry-point": ["/x"]}, "/entry-point/0", "links lead in circles"),
    ({"health-check": {"command": ["curl"]}}, "/health-check/command", "what checks the health is curl, which"),
    ({"users": {"ann": {"shell": "/bin/zsh"}}}, "/users/ann/shell", "the login shell of ann is /bin/zsh, which"),
    ({"working-directory": "/tool/tool"}, "/working-directory", "is a file, where a program is to start"),
    ({"files": {"/srv/a": {"text": ""}}, "volumes": ["/srv/a"]}, "/volumes/0", "/srv/a is a file; a volume"),
    ({"user": "4294967296"}, "/user", "has an ID above 2147483647"),
    ({"environment": {"A": "x" * 140_000}}, "/environment/A", "the variable A has 140002 bytes"),
    ({"environment": {f"A{n}": "x" * 99_999 for n in range(11)}}, "/environment", "the environment has 11000"),
    ({"command": ["x" * 140_000]}, "/command/0", "the command has a word of 140000 bytes"),
    ({"labels": {"a": "x" * (5 << 20)}}, "/labels/a", "the config of the image would have 52"),
    ({"labels": {f"a{n}": "x" * 999 for n in range(4300)}}, "/labels", "the manifest of the image would have 4"),
    ({"tags": ["t" * 120 + f"{n:05}" for n in range(33_000)]}, "/tags", "the manifest.json of the image would have 4"),
    ({"files": {"/" + "a" * 256: {"text": ""}}}, f"/files/~1{'a' * 256}", "has a component of 256 bytes"),
    ({"directories": {"/a" * 256: {}}}, f"/directories/{'~1a' * 256}", "has 256 components; at most 255"),
    ({"volumes": ["/" + "ä" * 128]}, "/volumes/0", "has a component of 256 bytes"),
    ({"symlinks": {"/x": "a/" * 2048}}, "/symlinks/~1x", "is a link of 4096 bytes; a path has at most 4095"),
]


@pytest.mark.parametrize(("more", "where", "message"), FAULTS, ids=map(str, range(len(FAULTS))))
def test_what_the_verifier_would_refuse_is_refused_at_its_place(
    workspace: Path, more: dict[str, Any], where: str, message: str
) -> None:
    found = issues(workspace, pack(workspace, **more))
    assert any(f"{where}: " in issue and message in issue for issue in found), [issue[:300] for issue in found]


def test_every_fault_is_reported_at_once(workspace: Path) -> None:
    spec = pack(
        workspace,
        files={"/srv/a": {"text": ""}},
        volumes=["/srv/a"],
        **{"entry-point": ["/none"], "health-check": {"command": ["curl"]}},
    )
    assert [issue.split(":")[0] for issue in issues(workspace, spec)] == [
        "/entry-point/0",
        "/volumes/0",
        "/health-check/command",
    ]


def test_a_source_that_its_owner_may_execute_is_a_program(workspace: Path, tmp_path: Path) -> None:
    files = {f"/{name}": {"source": name} for name in ("script", "private", "plain")}
    spec = pack(workspace, files=files, symlinks={"/bin/sh": "/tool/tool"}, **{"entry-point": ["/private"]})
    result = build_from_store(workspace, spec, tmp_path / "image.tar")
    modes = {path: f"{result.planned.tree[path].mode:04o}" for path in files}
    assert modes == {"/script": "0755", "/private": "0755", "/plain": "0644"}
    verify_image(tmp_path / "image.tar")


def test_a_base_that_cannot_run_is_named_by_the_key_that_names_it(workspace: Path) -> None:
    spec = {"name": "x", "from-image": "broken", "from-store": pack(workspace)["from-store"]}
    write_archive(
        RawImage(archive(file(b"a", b"")), config={"config": {"Cmd": ["/none"]}}).layout(), workspace / "broken"
    )
    assert issues(workspace, spec) == ["/from-image: what runs first is /none, which is not in the image"]


def test_both_readings_of_an_image_see_the_same(workspace: Path, tmp_path: Path) -> None:
    spec = pack(workspace, files={"/srv/x": {"source": "script"}}, **{"from-image": "base"})
    planned = build_from_store(workspace, spec, tmp_path / "image.tar").planned
    compare(ImageFiles(planned.tree, planned.closure, planned.base), tmp_path / "image.tar")


def test_both_readings_see_the_same_of_what_items_have_below_usr(tmp_path: Path) -> None:
    small = small_system(StoreBuilder(tmp_path / "store"))
    usr = ShownFiles(("share/empty",), {"bin/bash": OwnFile(0o4755, 0, 0)}, {"bin/sh": "../bin/bash"})
    closure = Closure([replace(item, shown=usr) for item in small], small.roots)
    built = build_image(tmp_path, closure=closure)
    compare(ImageFiles(built.tree, closure), built.archive(tmp_path / "image.tar"))


def compare(before: ImageFiles, image: Path) -> None:
    after = FileTree(IssueCollector(1))
    faults = IssueCollector(20)
    with open_source(image, DEFAULT_LIMITS) as source:
        documents = read_documents(source, faults, DEFAULT_LIMITS)
        reading = Reading.within(DEFAULT_LIMITS, source, faults, lambda _: False, lambda _: None)
        for document in documents.layers:
            layer = read_layer(document, reading)
            after.apply(document.number, layer.members, ours=False, programs=layer.programs)
    paths = [parts for parts, _ in after.walk() if parts]
    assert len(paths) > 30
    for parts in paths:
        one, other = before.at(parts), after.at(parts)
        assert one == other, parts
        assert one is not None
        assert set(before.names(parts)) == set(after.names(parts))
        if one.kind is FileKind.FILE and one.mode & 0o111 and other is not None:
            assert one.program() == other.program(), parts


SOURCES = [{"source": name} for name in ("script", "plain", "crlf", "lost")]
TARGETS = st.sampled_from(["/x", "x", "/tool/sh", "/tool/tool", "/run/x"])
USERS = st.sampled_from([{}, {"shell": "/x"}, {"home": "/v/ann"}])
PATH = st.sampled_from(["/tool", "/bin:/v", ""])
WORDS = st.sampled_from(["/tool/tool", "tool", "/tool/none", "/x", "/bin/sh", "bin/x", "/tool/data", "/etc", "/v/x"])
PLACES = st.sampled_from(["/x", "/bin/sh", "/bin/x", "/v", "/v/x", "/etc/x", "/" + "y" * 255, "/" + "y" * 256])
SPECS = st.fixed_dictionaries(
    {"entry-point": st.lists(WORDS, min_size=1, max_size=2)},
    optional={
        "files": st.dictionaries(PLACES, st.sampled_from([*SOURCES, {"text": "#!"}]), max_size=3),
        "symlinks": st.dictionaries(PLACES, TARGETS, max_size=2),
        "directories": st.dictionaries(PLACES, st.just({}), max_size=2),
        "volumes": st.lists(PLACES, max_size=2),
        "working-directory": PLACES,
        "user": st.sampled_from(["root", "ann", "0", "7:8", "4294967295", "ann:wheel"]),
        "users": st.dictionaries(st.just("ann"), USERS, max_size=1),
        "health-check": st.fixed_dictionaries({"command": st.lists(WORDS, min_size=1, max_size=1)}),
        "environment": st.dictionaries(st.sampled_from(["PATH", "A"]), PATH, max_size=2),
        "exposed-ports": st.lists(st.sampled_from(["80", "80/tcp", "65535/udp"]), max_size=2),
        "labels": st.dictionaries(st.sampled_from(["a", "org.x"]), st.text(max_size=5), max_size=2),
        "from-image": st.just("base"),
        "store": st.sampled_from([{"database": False}, {"uid": 5, "gid": 6}]),
        "max-layers": st.integers(2, 4),
    },
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(more=SPECS)
def test_what_is_built_verifies(workspace: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    output = tmp_path / "image.tar"
    try:
        build_from_store(workspace, json.loads(json.dumps(pack(workspace, **more))), output)
    except SpecError:
        return
    verify_image(output)

"""Nothing that a verb reads is written over, however its name is spelled, and what is there is as it was."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sysimage.cli import main
from sysimage.verify import inspect_image
from tests.support.builds import registered, registered_store
from tests.support.documents import read_document
from tests.support.store_builder import StoreBuilder, small_system

Spelling = Callable[[Path], str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The spec of a small system and an image of it."""
    top = tmp_path_factory.mktemp("built")
    closure = small_system(StoreBuilder(top / "store"))
    registered(closure, top / "registration")
    (top / "motd").write_text("hello\n")
    source = registered_store(closure.roots[0])
    spec = {"name": "small", "from-store": source, "files": {"/etc/motd": {"source": "motd"}}}
    (top / "small.json").write_text(json.dumps(spec))
    (top / "small.lock.json").write_text('{"format": "sysimage-lock/1"}')
    words = ["build", "-q", "--cache-dir", str(top / "cache"), "-o", str(top / "old.tar"), str(top / "small.json")]
    assert main(words) == 0
    return top


@pytest.fixture
def workspace(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: a copy of what was built."""
    shutil.copytree(built, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYSIMAGE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def everything(workspace: Path) -> dict[str, bytes | str]:
    return {
        str(path.relative_to(workspace)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in workspace.rglob("*")
        if (path.is_symlink() or path.is_file()) and not path.is_relative_to(workspace / "cache")
    }


def refused(workspace: Path, capsys: pytest.CaptureFixture[str], *words: str, status: int = 2) -> dict[str, Any]:
    before = everything(workspace)
    assert main([words[0], "--json", "--progress", "quiet", *words[1:]]) == status
    assert everything(workspace) == before
    error: dict[str, Any] = read_document(capsys.readouterr().out)["error"]
    return error


def link_to(place: Path) -> str:
    Path("link").symlink_to(place)
    return "link"


def another_name_of(place: Path) -> str:
    os.link(place, "name")
    return "name"


def descriptor_of(place: Path) -> str:
    return f"/proc/self/fd/{os.open(place, os.O_RDONLY)}"


SPELLINGS: dict[str, Spelling] = {
    "its name": lambda place: place.name,
    "a longer name": lambda place: f"./store/../{place.name}",
    "a symlink": link_to,
    "a hard link": another_name_of,
    "an open descriptor": descriptor_of,
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("small.json", "the spec"),
        ("small.lock.json", "a lock file"),
        ("motd", "the source of /etc/motd"),
        ("registration", "the source of the store"),
    ],
)
def test_an_output_that_the_build_reads_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], spelling: Spelling, name: str, what: str
) -> None:
    output = spelling(workspace / name)
    error = refused(workspace, capsys, "build", "-o", output, "small.json")
    assert error["message"] == f"cannot write {Path(output)}: it is also an input"
    assert f"is {what}" in [issue["message"] for issue in error["issues"]]


@pytest.mark.parametrize("flag", ["previous", "history", "together-with", "keyring", "registry-ca"])
def test_an_output_that_a_flag_names_as_an_input_is_refused(
    workspace: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    shutil.copy("small.json", "other.json")
    name = "other.json" if flag == "together-with" else "old.tar"
    error = refused(workspace, capsys, "build", f"--{flag}", name, "-o", f"./{name}", "small.json")
    assert f"is what --{flag} names" in [issue["message"] for issue in error["issues"]]
    assert "--continue" in error["hint"] or flag not in ("previous", "history")


def test_a_base_is_not_replaced_by_what_is_built_on_it(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = json.loads(Path("small.json").read_text()) | {"from-image": "base"}
    assert main(["build", "-q", "-f", "oci-dir", "-o", "base", "small.json"]) == 0
    Path("top.json").write_text(json.dumps(spec))
    error = refused(workspace, capsys, "build", "-o", "base/", "top.json")
    assert error["issues"][0]["message"] == "is the base image"
    error = refused(workspace, capsys, "build", "--from-image", "base", "-o", "base/", "small.json")
    assert [issue["message"] for issue in error["issues"]] == ["is the base image"]
    error = refused(workspace, capsys, "build", "-f", "archive", "-o", "base/index.json", "top.json")
    assert error["issues"][0]["message"] == "is the base image, and holds it"


def test_a_record_beside_the_image_is_not_a_reason_to_lose_a_file(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.move("small.json", "web.plan.json")
    error = refused(workspace, capsys, "build", "--record", "-o", "web.tar", "web.plan.json")
    assert error["message"].endswith("web.plan.json: it is also an input")
    shutil.move("web.plan.json", "small.json")
    Path("web.plan.json").write_text('{"my": "plans"}')
    error = refused(workspace, capsys, "build", "--record", "-o", "web.tar", "small.json")
    assert "what is there is not the record of a build" in error["message"]
    assert main(["build", "-q", "-o", "web.tar", "small.json"]) == 0, "none is written"
    assert Path("web.plan.json").read_text() == '{"my": "plans"}'
    Path("web.plan.json").unlink()
    for _ in range(2):  # its own is replaced
        assert main(["build", "-q", "--record", "-o", "web.tar", "small.json"]) == 0


def test_what_is_in_the_cache_is_not_an_output(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    blob = next(path for path in (workspace / "cache/layers/blobs/sha256").iterdir())
    before = blob.read_bytes()
    error = refused(workspace, capsys, "build", "-o", str(blob), "small.json")
    assert error["issues"][0]["message"] == "is the cache, and holds it"
    assert blob.read_bytes() == before


def test_a_record_is_left_beside_no_descriptor(workspace: Path) -> None:
    with open("fresh.tar", "wb") as file:
        assert main(["build", "-q", "--record", "-o", f"/proc/self/fd/{file.fileno()}", "small.json"]) == 0
        Path("link").symlink_to(f"/proc/self/fd/{file.fileno()}")
        assert main(["build", "-q", "--record", "-o", "link", "small.json"]) == 0
    assert Path("fresh.tar").read_bytes() == Path("old.tar").read_bytes()
    assert not Path("link.plan.json").exists()
    assert Path("link").is_symlink()


@pytest.mark.slow
def test_standard_output_is_not_added_to_the_spec(workspace: Path) -> None:
    before = everything(workspace)
    with open("small.json", "ab") as spec:
        done = subprocess.run(
            [sys.executable, "-m", "sysimage", "build", "-o", "-", "small.json"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=spec,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "cannot write standard output: it is also an input" in done.stderr
    assert everything(workspace) == before


def test_what_is_not_a_file_is_refused_and_pipes_and_devices_are_written_to(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("directory").mkdir()
    error = refused(workspace, capsys, "build", "-f", "archive", "-o", "directory", "small.json")
    assert error["message"] == "cannot write directory: it is a directory"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        error = refused(workspace, capsys, "build", "-o", "socket", "small.json")
    assert error["message"] == "cannot write socket: it is a socket"
    disks = [path for path in Path("/dev").iterdir() if path.is_block_device()]
    for disk in disks[:1]:
        error = refused(workspace, capsys, "build", "-o", str(disk), "small.json")
        assert error["message"] == f"cannot write {disk}: it is a block device"
    assert main(["build", "-q", "-o", "/dev/null", "small.json"]) == 0
    assert Path("/dev/null").is_char_device()
    assert not Path("/dev/null.plan.json").exists()


def test_a_terminal_gets_no_image(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    master, terminal = os.openpty()
    try:
        error = refused(workspace, capsys, "build", "-o", os.ttyname(terminal), "small.json")
    finally:
        os.close(master)
        os.close(terminal)
    assert error["message"] == "cannot write an image to a terminal"


def test_a_directory_without_a_layout_is_refused_before_any_work(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("home").mkdir()
    Path("home/letter").touch()
    shutil.rmtree("cache")
    error = refused(workspace, capsys, "build", "-o", "home", "small.json")
    assert error["message"] == "cannot write an OCI layout to home: it contains letter and is not a layout"
    error = refused(workspace, capsys, "build", "-f", "oci-dir", "-o", "motd", "small.json")
    assert not Path("cache").exists()


def test_a_layout_keeps_other_images_and_goes_on_from_its_own(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for tag in ("small:1", "small:2"):
        assert main(["build", "-q", "-f", "oci-dir", "-t", tag, "-o", "layout", "small.json"]) == 0
    assert main(["inspect", "layout"]) == 0  # two names of one image
    other = ["--max-layers", "1", "-t", "other:1"]
    assert main(["build", "-q", "-f", "oci-dir", *other, "-o", "layout", "small.json"]) == 0
    assert main(["build", "-q", "--continue", "-t", "small:1", "-o", "layout", "small.json"]) == 0
    assert main(["build", "-q", "--continue", "-t", "new:1", "-o", "layout", "small.json"]) == 0
    for tag in ("small:1", "small:2", "other:1", "new:1"):
        assert inspect_image(workspace / "layout", name=tag).names == (tag,)
        assert main(["verify", "-q", "--tag", tag, "layout"]) == 0
    assert main(["inspect", "layout"]) == 4
    assert "does not hold one image, but: small:2, other:1, small:1, new:1" in capsys.readouterr().err


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_lock_is_not_written_over_the_spec(
    workspace: Path, capsys: pytest.CaptureFixture[str], spelling: Spelling
) -> None:
    Path("web.json").write_text(json.dumps({"name": "web", "packages": [], "files": {"/m": {"source": "motd"}}}))
    output = spelling(workspace / "web.json")
    error = refused(workspace, capsys, "lock", "--offline", "--lockfile", output, "web.json")
    assert error["message"] == f"cannot write {Path(output)}: it is also an input"


def test_a_lock_is_written_over_a_lock_alone(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("web.json").write_text(json.dumps({"name": "web", "packages": []}))
    error = refused(workspace, capsys, "lock", "--offline", "--lockfile", "small.json", "web.json")
    assert "what is there is not a lock file" in error["message"]
    error = refused(workspace, capsys, "lock", "--offline", "--lockfile", "store", "web.json")
    assert error["message"] == "cannot write store: it is not a file"
    Path("web.lock.json").write_text('<<<<<<< mine\n{"format": "sysimage-lock/1",\n')
    # A lock that git could not merge would be replaced.
    assert "cannot fetch" in refused(workspace, capsys, "lock", "--offline", "web.json", status=6)["message"]

"""The same inputs give the same image, bit for bit, whatever is different around them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from sysimage.verify import inspect_image
from tests.support.builds import registered
from tests.support.examples import build_example, default_cache
from tests.support.listing import listing_of_tar
from tests.support.store_builder import StoreBuilder, small_system

ROOT = Path(__file__).parents[1]
NOBODY = 65534


@pytest.fixture(scope="module")
def workspace() -> Iterator[Path]:
    """A directory that another user may write to as well."""
    place = Path(tempfile.mkdtemp(prefix="reproducible-"))
    place.chmod(0o1777)
    yield place
    shutil.rmtree(place)


def rebuild(place: Path, *options: str, env: Mapping[str, str] | None = None) -> object:
    """Build in a fresh process with only these variables, and return what is printed of the result."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.rebuild", place, *options],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def reference(workspace: Path) -> object:
    return rebuild(workspace / "reference")


VARIATIONS: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
    "the umask": (["--umask", "077"], {}),
    "time zone, locale, home and name": ([], {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "HOME": "/x", "USER": "me"}),
    "the hash seed": ([], {"PYTHONHASHSEED": "1"}),
    "the order of directory entries": (["--reverse"], {}),
    "the number of workers": (["--workers", "2"], {}),
    "modes, times and hard links in the store": (["--worn"], {}),
    "all of these": (
        ["--umask", "007", "--reverse", "--workers", "3", "--worn"],
        {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "12345", "HOME": "/", "COLUMNS": "40"},
    ),
}


@pytest.mark.parametrize(("options", "env"), VARIATIONS.values(), ids=VARIATIONS)
def test_the_image_does_not_depend_on(
    options: Sequence[str], env: Mapping[str, str], reference: object, workspace: Path
) -> None:
    place = Path(tempfile.mkdtemp(dir=workspace, prefix="elsewhere-"))
    assert rebuild(place, *options, env=env) == reference


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become somebody else; the others are somebody else already"
)
def test_the_image_does_not_depend_on_the_user(reference: object, workspace: Path) -> None:
    assert rebuild(workspace / "nobodys", "--uid", str(NOBODY)) == reference


@pytest.mark.slow
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_no_compression_depends_on_the_number_of_workers(compression: str, workspace: Path) -> None:
    one, two = (
        rebuild(workspace / f"{compression}-{workers}", "--compression", compression, "--workers", workers)
        for workers in ("1", "2")
    )
    assert one == two


def test_the_image_is_the_same_on_every_machine(reference: object) -> None:
    """Under any Python, libraries and Debian: the configuration names the diff IDs. If this has to change, every image
    changes, and CHANGELOG.md says so."""
    assert isinstance(reference, dict)
    assert reference["config"] == "sha256:5a07dfaa9d4a6c0535b728c864f04015e8e9613262bdb0e7ed48413373b946c3"


@pytest.fixture(scope="module")
def project(workspace: Path) -> Path:
    """A spec with names and texts that are not ASCII, and the store that it is made from."""
    project = workspace / "prôjet"
    closure = small_system(StoreBuilder(project / "store"))
    registered(closure, project / "registration")
    (project / "größe").mkdir()
    (project / "größe" / "été.txt").write_text("café €\n", encoding="utf-8")
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    spec = {
        "name": "small",
        "from-store": source,
        "files": {"/srv/é": {"text": "ünïcode €\n"}, "/srv/copy": {"source": "größe/été.txt"}},
        "symlinks": {"/srv/lïnk": "é"},
        "labels": {"title": "Größe"},
    }
    (project / "système.json").write_text(json.dumps(spec, ensure_ascii=False), encoding="utf-8")
    return project


def build_project(project: Path, place: Path, *python: str, env: Mapping[str, str] | None = None) -> bytes:
    """The archive that the command line makes in ``place``, in a Python with these options and only these variables."""
    output = place / "image.tar"
    argv: list[str | Path] = [*python, "-m", "sysimage", "build", "-q", "--cache-dir", place / "cache", "-o", output]
    subprocess.run(
        [sys.executable, *argv, project / "système.json"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})},
        check=True,
    )
    return output.read_bytes()


@pytest.fixture(scope="module")
def first_archive(project: Path, workspace: Path) -> bytes:
    (workspace / "first").mkdir()
    return build_project(project, workspace / "first", env={"LC_ALL": "C.UTF-8"})


WORLDS: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
    "a locale without UTF-8": ([], {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    "optimisation": (["-OO"], {}),
    "development mode": (["-X", "dev"], {"PYTHONIOENCODING": "latin-1"}),
}


@pytest.mark.slow
@pytest.mark.parametrize(("python", "env"), WORLDS.values(), ids=WORLDS)
def test_the_command_line_gives_the_same_archive_under(
    python: Sequence[str], env: Mapping[str, str], first_archive: bytes, project: Path, tmp_path: Path
) -> None:
    archive = build_project(project, tmp_path, *python, env=env)
    assert listing_of_tar(archive) == listing_of_tar(first_archive), "which blobs are others"
    assert archive == first_archive


@pytest.mark.slow
@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="this machine has no file system in memory")
def test_the_file_system_makes_no_difference(first_archive: bytes, project: Path) -> None:
    """In memory names come in another order, and sizes of directories and numbers of blocks are others."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        shutil.copytree(project, Path(memory, "copy"), symlinks=True)
        assert build_project(Path(memory, "copy"), Path(memory)) == first_archive


@pytest.mark.programs
def test_a_system_of_real_packages_does_not_depend_on_where_when_and_how_it_is_built(tmp_path: Path) -> None:
    """One build takes what earlier builds have left; the other has the packages, nothing else, and another world."""
    cache = tmp_path / "somewhere" / "else"
    first = build_example("base", tmp_path / "first.tar")
    shutil.copytree(default_cache() / "archive", cache / "archive")
    world = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "99", "HOME": "/nonexistent", "COLUMNS": "40"}
    second = build_example("base", tmp_path / "2.tar", "--offline", "-j", "1", cache=cache, env=world, umask=0o077)
    assert inspect_image(first).digest == inspect_image(second).digest
    assert first.read_bytes() == second.read_bytes()


def test_another_input_gives_another_image(reference: object, workspace: Path) -> None:
    """Without this the tests above could compare nothing."""
    assert rebuild(workspace / "other", "--other-content") != reference

"""What docs/reproducibility.md promises: equal diff IDs under any version of anything we run on, and equal digests
where the compression libraries are equal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sysimage_bootstrap.archive.sources import default_sources
from tests.digests.worlds import World, debian, requirements
from tests.support.examples import build_example, default_cache

BUILDS = (("base", "gzip"), ("base", "zstd"), ("base", "gzip:6"), ("web", "gzip"))
"""Examples, and how their layers are compressed."""
ON_A_MINIMAL_DEBIAN = ("gpgv", "debian-archive-keyring")

pytestmark = pytest.mark.timeout(1800)


@dataclass(frozen=True)
class Made:
    """An image as it came out of a world."""

    digest: str
    diff_ids: tuple[str, ...]
    library: str
    """What compressed its layers, with its version."""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages that the examples need today, and nothing that any Python has made of them."""
    top = tmp_path_factory.mktemp("packages")
    for name in {name for name, _ in BUILDS}:
        build_example(name, top / "image.tar")
    shutil.copytree(default_cache() / "archive", top / "archive", ignore=shutil.ignore_patterns("resolutions"))
    return top / "archive"


def images(world: World, packages: Path) -> dict[tuple[str, str], Made]:
    """Build everything in a cache of its own that holds the packages alone."""
    cache = world.shared / "cache"
    shutil.copytree(packages, cache / "archive")
    if world.user:
        subprocess.run(["chown", "-R", str(world.user), cache], check=True)
    main, security = (
        source.uri for source in default_sources(Path("/etc/apt"), ("trixie", "trixie-security"), ("main",))
    )
    made = {}
    for name, compression in BUILDS:
        output = world.shared / "image.tar"
        options = ["--offline", "--archive", main, "--security-archive", security, "--compression", compression]
        spec = world.project / "examples" / f"{name}.json"
        world.run("-m", "sysimage", "build", "-q", "--cache-dir", cache, "-o", output, *options, spec)
        seen = json.loads(world.run("-m", "sysimage", "inspect", "--json", output))
        ask = f"from sysimage.layers import Compression; print(Compression.parse({compression!r}).library)"
        diff_ids = tuple(layer["diff_id"] for layer in seen["layers"])
        made[name, compression] = Made(seen["digest"], diff_ids, world.run("-c", ask).strip())
        output.unlink()
    shutil.rmtree(cache)
    return made


@pytest.fixture(scope="module")
def ours(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Made]:
    return images(World(sys.executable, tmp_path_factory.mktemp("ours")), packages)


def other_pythons() -> Iterator[str]:
    """The Pythons of this machine besides the one that runs this."""
    for minor in range(11, 15):
        found = shutil.which(f"python3.{minor}")
        if found is None or minor == sys.version_info.minor:
            continue
        # A name may be a switch between versions, and this one not among those that are switched on.
        asked = subprocess.run([found, "-c", "import sys; print(sys.executable)"], capture_output=True, text=True)
        if asked.returncode == 0:
            yield asked.stdout.strip()


def lowest(place: Path) -> World:
    return World(sys.executable, place).with_packages(requirements(lowest=True))


def middle(place: Path) -> World:
    """networkx between its lowest and its newest version."""
    return World(sys.executable, place).with_packages(requirements(networkx="3.5"))


def debian_12(place: Path) -> World:
    return debian("bookworm", place, ON_A_MINIMAL_DEBIAN).with_packages(requirements(lowest=True))


def debian_13(place: Path) -> World:
    return debian("trixie", place, ON_A_MINIMAL_DEBIAN).with_packages(requirements()).as_nobody()


def of_python(program: str) -> Callable[[Path], World]:
    return lambda place: World(program, place).with_packages(requirements())


WORLDS: dict[str, Callable[[Path], World]] = {
    "the lowest versions that are allowed": lowest,
    "another networkx": middle,
    "Debian 12": debian_12,
    "Debian 13, as nobody": debian_13,
    **{Path(program).name: of_python(program) for program in other_pythons()},
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A directory that does not stay: roots and environments are large."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("world", WORLDS.values(), ids=WORLDS)
def test_images_are_the_same_out_of(
    world: Callable[[Path], World], ours: dict[tuple[str, str], Made], packages: Path, place: Path
) -> None:
    theirs = images(world(place), packages)
    assert {build: made.diff_ids for build, made in theirs.items()} == {
        build: made.diff_ids for build, made in ours.items()
    }
    comparable = [build for build in BUILDS if theirs[build].library == ours[build].library]
    assert {build: theirs[build].digest for build in comparable} == {build: ours[build].digest for build in comparable}
    for build in BUILDS:
        print(build, ours[build].library, theirs[build].library, theirs[build].digest == ours[build].digest)


SQLITE = ("3.40.1.0", "3.42.0.1", "3.44.2.0", "3.46.1.0", "3.48.0.0", "3.50.4.0", "3.51.3.0", "3.54.1.0")
"""Versions of apsw, each with the SQLite of its first three numbers."""

_WRITE_ON = """
import sys, apsw
connection = apsw.Connection(":memory:")
connection.deserialize("main", open(sys.argv[1], "rb").read())
def ask(sql): return list(connection.cursor().execute(sql))
assert ask("pragma integrity_check") == [("ok",)] and ask("pragma foreign_key_check") == []
(count,), = ask("select count(*) from ValidPaths")
assert count > 50
ask("insert into ValidPaths (path, hash, registrationTime) select path || '-2', hash, 2 from ValidPaths")
ask("insert into Refs select referrer + %d, reference from Refs" % count)
assert ask("pragma integrity_check") == [("ok",)]
ask("delete from Refs where referrer > %d" % count)
ask("delete from ValidPaths where registrationTime = 2")
ask("vacuum")
assert ask("pragma integrity_check") == [("ok",)] and ask("select count(*) from ValidPaths") == [(count,)]
print(apsw.sqlitelibversion() if hasattr(apsw, "sqlitelibversion") else apsw.sqlite_lib_version())
"""


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store's database in the image of web."""
    top = tmp_path_factory.mktemp("database")
    image = build_example("web", top / "image.tar", "--compression", "none")
    subprocess.run(["tar", "xf", image, "-C", top], check=True)
    for blob in sorted((top / "blobs" / "sha256").iterdir()):
        listed = subprocess.run(["tar", "tf", blob], capture_output=True, text=True)
        if "var/guix/db/db.sqlite" in listed.stdout.split():
            data = subprocess.run(["tar", "xOf", blob, "var/guix/db/db.sqlite"], capture_output=True, check=True).stdout
            (top / "db.sqlite").write_bytes(data)
    return top / "db.sqlite"


@pytest.mark.parametrize("version", SQLITE)
def test_a_store_s_database_is_read_and_written_by_sqlite(version: str, database: Path, tmp_path: Path) -> None:
    install: list[str | Path] = [
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--target",
        tmp_path,
    ]
    done = subprocess.run([sys.executable, *install, f"apsw=={version}"], capture_output=True, text=True)
    if "No matching distribution" in done.stderr:
        pytest.skip(f"there is no wheel of apsw {version} for Python {sys.version_info.major}.{sys.version_info.minor}")
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_ON, database], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == version.rpartition(".")[0]

"""Signals in each phase of the program as it is started: it ends, says so, and leaves neither processes nor files."""

from __future__ import annotations

import fcntl
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.builds import registered
from tests.support.images import build_image
from tests.support.processes import all_end, below
from tests.support.store_builder import StoreBuilder, small_system

ROOT = Path(__file__).parents[2]
KEPT = "; what was fetched and made is kept for the next time"
SENT = "; the layers that a registry has got need not be sent again"


class Place:
    """A directory to work in, and what must hold as long as a test lasts."""

    def __init__(self, top: Path, held: ExitStack) -> None:
        self.top, self.held = top, held
        self.cache, self.scratch = top / "cache", top / "scratch"
        self.scratch.mkdir()

    def start(self, *words: str | Path) -> subprocess.Popen[bytes]:
        def begin() -> None:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)

        return subprocess.Popen(
            [sys.executable, "-m", "sysimage", *map(str, words)],
            cwd=self.top,
            env={
                "PATH": f"{self.top}:{os.environ['PATH']}",
                "HOME": str(self.top),
                "TMPDIR": str(self.scratch),
                "SYSIMAGE_CACHE_DIR": str(self.cache),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=begin,
        )

    def system(self, **large: int) -> str:
        """A spec; each of ``large`` is a file of so many bytes in one of its items, which take no room."""
        closure = small_system(StoreBuilder(self.top / "store"))
        registered(closure, self.top / "registration")
        location = closure.items[0].location
        assert location is not None
        for name, size in large.items():
            with open(location / name, "wb") as file:
                file.truncate(size)
        source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
        (self.top / "small.json").write_text(json.dumps({"name": "small", "from-store": source}))
        return "small.json"

    def deaf_server(self) -> str:
        """The address of what takes connections and never says a word."""
        listening = self.held.enter_context(socket.create_server(("127.0.0.1", 0)))
        return f"127.0.0.1:{listening.getsockname()[1]}"

    def files(self) -> set[str]:
        """What is there beside the cache and what the test made."""
        return {str(path.relative_to(self.top)) for path in self.top.rglob("*") if self.cache not in path.parents}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as held:
        yield Place(tmp_path, held)


def said(text: str) -> Callable[[subprocess.Popen[bytes]], bool]:
    """Until the program says something that begins so."""

    def has_come(child: subprocess.Popen[bytes]) -> bool:
        assert child.stderr is not None
        return child.stderr.readline().decode().startswith(text)

    return has_come


def sleeps_in(call: str) -> Callable[[subprocess.Popen[bytes]], bool]:
    """Until the program's main thread waits in the kernel, there."""

    def has_come(child: subprocess.Popen[bytes]) -> bool:
        return call in Path(f"/proc/{child.pid}/wchan").read_text()

    return has_come


def connected(child: subprocess.Popen[bytes]) -> bool:
    """Until the program has a connection."""
    held = set()
    for link in Path(f"/proc/{child.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            held.add(str(link.readlink()))
    with open(f"/proc/{child.pid}/net/tcp") as table:
        return any(line.split()[3] == "01" and f"socket:[{line.split()[9]}]" in held for line in table)


Phase = tuple[list[str], Callable[[subprocess.Popen[bytes]], bool], str]
"""Arguments, what shows that the phase was reached, and what is printed about what is kept."""


def planned(place: Place) -> Phase:
    """Packages are asked for, and the archive does not answer."""
    (place.top / "packages.json").write_text('{"name": "x", "packages": ["hello"]}')
    mirror = f"http://{place.deaf_server()}/debian"
    return ["plan", "--archive", mirror, "packages.json"], connected, KEPT


def reading_layers(place: Place) -> Phase:
    words = ["build", "--progress", "json", "--compression", "gzip:9", "--jobs", "2", "-o", "x.tar"]
    return [*words, place.system(big=1 << 40)], said('{"stage": "layers"'), KEPT


def writing_directly(place: Place) -> Phase:
    words = ["build", "--progress", "json", "--compression", "none", "--jobs", "2", "-o", "x.tar"]
    return [*words, place.system(big=1 << 38)], said('{"stage": "layers"'), KEPT


def writing_a_layout(place: Place) -> Phase:
    words = ["build", "--progress", "json", "--compression", "zstd", "--jobs", "1", "-o", "x/"]
    return [*words, place.system(big=1 << 40)], said('{"stage": "layers"'), KEPT


def streaming(place: Place) -> Phase:
    """No reader is left for what comes out of the program."""
    words = ["build", "--compression", "none", "--format", "docker-archive", "-o", "-", place.system(big=1 << 40)]

    def has_begun(child: subprocess.Popen[bytes]) -> bool:
        assert child.stdout is not None
        return len(child.stdout.read(1 << 20)) == 1 << 20

    return words, has_begun, KEPT


def pushing(place: Place) -> Phase:
    name = f"{place.deaf_server()}/small:1"
    return ["build", "--push", name, place.system()], connected, KEPT


def loading(place: Place) -> Phase:
    engine = place.top / "nerdctl"
    begun = place.cache / "begun"
    engine.write_text(f"#!/bin/sh\n: > {begun}\nsleep 60\n")
    engine.chmod(0o755)
    return ["build", "--load", engine.name, place.system()], lambda child: begun.exists(), KEPT


def verifying(place: Place) -> Phase:
    """An archive with a blob that takes hours to hash."""
    archive = build_image(place.top / "made").archive(place.top / "long.tar")
    with open(archive, "r+b") as file, tarfile.open(fileobj=file) as members:
        file.seek(members.offset if members.getmembers() else 0)
        member = tarfile.TarInfo("blobs/sha256/" + "0" * 64)
        member.size = 1 << 42
        file.write(member.tobuf(tarfile.GNU_FORMAT))
        file.truncate(file.tell() + member.size + 1024)
    return ["verify", "--progress", "json", "long.tar"], said('{"stage": "verify"'), ""


def _image(place: Place) -> str:
    build_image(place.top / "made").archive(place.top / "small.tar")
    return "small.tar"


def copying(place: Place) -> Phase:
    return ["copy", _image(place), f"{place.deaf_server()}/small:1"], connected, SENT


def copying_into_a_file(place: Place) -> Phase:
    return ["copy", f"{place.deaf_server()}/small:1", "x.tar"], connected, SENT


def pushing_an_image(place: Place) -> Phase:
    return ["push", _image(place), f"{place.deaf_server()}/small:1"], connected, SENT


def locking(place: Place) -> Phase:
    """Packages are asked for, and the archive does not answer."""
    (place.top / "packages.json").write_text('{"name": "x", "packages": ["hello"]}')
    return ["lock", "--archive", f"http://{place.deaf_server()}/debian", "packages.json"], connected, KEPT


def reporting(place: Place) -> Phase:
    return ["report", "-o", "page.html", f"{place.deaf_server()}/small:1"], connected, ""


def comparing(place: Place) -> Phase:
    return ["diff", _image(place), f"{place.deaf_server()}/small:1"], connected, ""


def asking_the_archive(place: Place) -> Phase:
    return ["show", "--archive", f"http://{place.deaf_server()}/debian", "nginx"], connected, ""


def waiting_for_a_lock(place: Place) -> Phase:
    """Another program has the cache for itself."""
    place.cache.mkdir()
    lock = place.held.enter_context((place.cache / "lock").open("wb"))
    fcntl.flock(lock, fcntl.LOCK_EX)
    return ["build", "-o", "x.tar", place.system()], sleeps_in("lock"), KEPT


PHASES = (
    planned,
    reading_layers,
    writing_directly,
    writing_a_layout,
    streaming,
    pushing,
    loading,
    verifying,
    copying,
    copying_into_a_file,
    pushing_an_image,
    locking,
    reporting,
    comparing,
    asking_the_archive,
    waiting_for_a_lock,
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("phase", "number"),
    list(zip(PHASES, itertools.cycle((signal.SIGTERM, signal.SIGINT, signal.SIGHUP)), strict=False)),
    ids=lambda value: value.__name__ if callable(value) else signal.Signals(value).name,
)
def test_a_signal_ends_the_program_in_each_phase(
    place: Place, phase: Callable[[Place], Phase], number: signal.Signals
) -> None:
    words, has_come, kept = phase(place)
    before = place.files()
    child = place.start(*words)
    try:
        while not has_come(child):
            assert child.poll() is None, child.communicate()
            time.sleep(0.01)
        below_it = below(child.pid)
        child.send_signal(number)
        assert child.wait(30) == 128 + number
        assert all_end(below_it)
    finally:
        child.kill()
        _, told = child.communicate()
    # The machine may be so busy that it is cut off.
    ended = f"sysimage: ended by {number.name}"
    assert told.decode().splitlines()[-1] in (f"{ended}{kept}", f"{ended}, at once{kept}")
    assert "Traceback" not in told.decode()
    if b", at once" not in told:
        assert place.files() - before <= {"cache"}
        assert not list(place.cache.rglob(".*.part"))


@pytest.mark.parametrize("words", [["schema"], ["build", "--help"], ["cache"]])
def test_a_reader_of_results_that_leaves_ends_the_program_without_a_word(words: list[str], place: Place) -> None:
    child = place.start(*words)
    assert child.stdout is not None
    child.stdout.close()
    assert child.wait(30) in (141, 0 if "--help" in words else 141), "argparse does not mind"
    assert child.stderr is not None
    assert child.stderr.read() == b""


def test_a_reader_of_messages_that_leaves_is_not_a_fault(place: Place) -> None:
    child = place.start("build", "none.json")
    assert child.stderr is not None
    child.stderr.close()
    assert child.wait(30) == 141


def test_results_that_have_no_room_are_reported() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sysimage", "schema"], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.stderr == b"sysimage: cannot write to standard output: No space left on device\n"
    assert done.returncode == 7

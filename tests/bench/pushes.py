"""What a push costs beside ``skopeo copy`` of the same archive: ``make bench-push``.

Prints, for a first push, one with a package more, and one of what is there: seconds on the wall, seconds of the
processor, requests and megabytes sent. Seconds are medians of runs by turns; requests and bytes are counted in a run of
their own, through a forwarder in front of Debian's registry.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.clients.conftest import Registry, running_registry
from tests.support.examples import ROOT, build_example, build_spec

RUNS = 3
ADDED = "tree"
"""The package that is in the second image and not in the first."""
_REQUEST = re.compile(rb"(?:GET|HEAD|POST|PUT|PATCH|DELETE) /[^ \r\n]* HTTP/1\.1\r\n")
_LONGEST = 4096
"""Bytes of a request's first line, at most."""


@dataclass
class Counts:
    """What went through the forwarder to the registry."""

    requests: int = 0
    sent: int = 0


@dataclass(frozen=True)
class Took:
    """Seconds of a program."""

    wall: float
    processor: float


Push = Callable[[Path, str], list[str]]


def sysimage(archive: Path, name: str) -> list[str]:
    return [sys.executable, "-m", "sysimage", "push", "--quiet", str(archive), name]


def skopeo(archive: Path, name: str) -> list[str]:
    flags = ["--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]
    return ["skopeo", *flags, f"oci-archive:{archive}", f"docker://{name}"]


TOOLS: dict[str, Push] = {"sysimage": sysimage, "skopeo": skopeo}


def run(words: list[str]) -> Took:
    """Run a program to its end, which must be a good one."""
    began = time.perf_counter()
    child = subprocess.Popen(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, words
    return Took(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)


def median(runs: list[Took]) -> Took:
    return Took(statistics.median(one.wall for one in runs), statistics.median(one.processor for one in runs))


def _forward(source: socket.socket, target: socket.socket, counts: Counts | None) -> None:
    rest = b""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            if counts is not None:
                seen = rest + data
                found = list(_REQUEST.finditer(seen))
                counts.requests += len(found)
                counts.sent += len(data)
                rest = seen[max(found[-1].end() if found else 0, len(seen) - _LONGEST) :]
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def forwarder(address: str) -> Iterator[tuple[str, Counts]]:
    """An address that leads to another one, and what is sent through it."""
    host, port = address.split(":")
    counts = Counts()
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.create_connection((host, int(port)))
                threading.Thread(target=_forward, args=(client, server, counts), daemon=True).start()
                threading.Thread(target=_forward, args=(server, client, None), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{listening.getsockname()[1]}", counts
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


@dataclass(frozen=True)
class Case:
    """A push, and what the repository has before it."""

    name: str
    before: Path | None
    pushed: Path


def cases(directory: Path) -> list[Case]:
    """The three, of the example ``base``."""
    first = build_example("base", directory / "first.tar")
    spec = directory / "more.json"
    spec.write_text(json.dumps({**json.loads((ROOT / "examples/base.json").read_text()), "packages": [ADDED]}))
    more = build_spec(spec, directory / "more.tar")
    return [Case("first push", None, first), Case("one package more", first, more), Case("unchanged", first, first)]


def timed(case: Case, registry: Registry, number: int) -> dict[str, Took]:
    """One run of each tool, each in a repository of its own."""
    took = {}
    for tool, push in TOOLS.items():
        name = f"{registry.address}/{tool}/{case.name.replace(' ', '-')}-{number}:1"
        if case.before is not None:
            run(push(case.before, name))
        took[tool] = run(push(case.pushed, name))
        shutil.rmtree(registry.data)  # nothing is there for the next one
    return took


def counted(case: Case, registry: Registry, push: Push) -> Counts:
    """The same once more, through the forwarder."""
    with forwarder(registry.address) as (address, counts):
        name = f"{address}/counted/image:1"
        if case.before is not None:
            run(push(case.before, name))
        counts.requests = counts.sent = 0
        run(push(case.pushed, name))
        shutil.rmtree(registry.data)
    return counts


def main() -> None:
    with tempfile.TemporaryDirectory() as place, running_registry(Path(place)) as registry:
        pushes = cases(Path(place))
        starts = [run([sys.executable, "-m", "sysimage", "--version"]) for _ in range(RUNS)]
        print(f"medians of {RUNS}; start of sysimage (--version): {median(starts).wall:.2f} s")
        print("| | | seconds | of the processor | requests | MB sent |\n| --- | --- | --- | --- | --- | --- |")
        for case in pushes:
            runs = [timed(case, registry, number) for number in range(RUNS)]
            for tool, push in TOOLS.items():
                took = median([one[tool] for one in runs])
                moved = counted(case, registry, push)
                columns = (f"{took.wall:.2f}", f"{took.processor:.2f}", moved.requests, f"{moved.sent / 1e6:.2f}")
                print("|", case.name, "|", tool, "|", " | ".join(map(str, columns)), "|", flush=True)


if __name__ == "__main__":
    main()

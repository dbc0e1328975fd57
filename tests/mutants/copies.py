"""A copy of the project in which mutants are tried: in a fork of a pytest that stays, or in a new one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.mutants.forked import ELSEWHERE

PACKAGES = {"bootstrap": "bootstrap/sysimage_bootstrap", "vm": "vmtests/sysimage_vm"}
"""Rooms of the tests -> packages outside ``sysimage``."""
LEFT_OUT = ("__pycache__", ".git", ".venv", "build", "dist", ".*_cache", ".hypothesis")


@dataclass(slots=True)
class Copy:
    """A copy of the project; one mutant at a time. Leave it, as a context, to end the pytest that stays."""

    path: Path
    rooms: Sequence[str]
    """Whose tests the pytest that stays collects."""
    _server: subprocess.Popen[str] | None = None
    _requests: IO[str] | None = None
    _replies: IO[str] | None = None
    _sound: dict[str, bool] = field(default_factory=dict)
    """Whether a test by itself succeeds without any mutant."""
    _written: int = 0

    @classmethod
    def of(cls, project: Path, path: Path, rooms: Sequence[str]) -> Self:
        """Copy the project, without what is made from it."""
        shutil.copytree(project, path, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        return cls(path, rooms)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            for pipe in (self._requests, self._replies):
                if pipe is not None:
                    pipe.close()

    def notices(self, module: Path, original: str, mutant: str, tests: Sequence[str], seconds: float) -> bool:
        """Whether one of the tests fails with the mutant, or they take longer than that."""
        while (reply := self._in_a_fork(module, original, mutant, tests, seconds)) not in (None, ELSEWHERE):
            if self._is_sound(str(reply), seconds):
                return True
            tests = [name for name in tests if name != reply]
        if reply is None:
            return False
        sound = [name for name in tests if self._is_sound(name, seconds)]
        return bool(sound) and self._in_a_new_one(module, original, mutant, sound, seconds)

    def _is_sound(self, test: str, seconds: float) -> bool:
        if test not in self._sound:
            self._sound[test] = self._in_a_fork(Path(), "", "", [test], seconds) is None
        return self._sound[test]

    def _in_a_fork(self, module: Path, before: str, after: str, tests: Sequence[str], seconds: float) -> str | None:
        """The test that fails in a fork of the pytest that stays, ``ELSEWHERE``, or None."""
        requests, replies = self._serving()
        request = {
            "path": str(self.path / module),
            "before": before,
            "after": after,
            "tests": tests,
            "seconds": seconds,
        }
        print(json.dumps(request), file=requests, flush=True)
        if not (line := replies.readline()):
            raise ChildProcessError("the pytest that tries mutants has ended")
        reply: str | None = json.loads(line)
        return reply

    def _serving(self) -> tuple[IO[str], IO[str]]:
        if self._requests is None or self._replies is None:
            (their_read, our_write), (our_read, their_write) = os.pipe(), os.pipe()
            words = ["-m", "not programs", "--serve", f"{their_read},{their_write}", *self.rooms]
            self._server = self._started(words, subprocess.DEVNULL, pass_fds=(their_read, their_write))
            os.close(their_read)
            os.close(their_write)
            self._requests, self._replies = open(our_write, "w"), open(our_read)  # noqa: SIM115  closed by __exit__
        return self._requests, self._replies

    def _in_a_new_one(self, module: Path, original: str, mutant: str, tests: Sequence[str], seconds: float) -> bool:
        place = self.path / module
        names = self.path / "chosen.json"
        names.write_text(json.dumps(tests))
        try:
            self._put(place, mutant)
            return (
                self.run(["-x", "--chosen", str(names), *sorted({name.partition("::")[0] for name in tests})], seconds)
                is not None
            )
        finally:
            self._put(place, original)

    def _put(self, path: Path, text: str) -> None:
        """Write a module that Python takes for another than it was: it looks at seconds and length alone."""
        path.write_text(text)
        self._written += 1
        os.utime(path, (1_000_000_000 + self._written,) * 2)

    def run(self, words: Sequence[str], seconds: float | None) -> str | None:
        """What pytest prints if a test fails or it takes too long, otherwise None."""
        with tempfile.TemporaryFile("w+") as output:
            child = self._started(words, output)
            try:
                status = child.wait(seconds)
            except subprocess.TimeoutExpired:
                return "too slow"
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, 9)
                    child.wait()
            output.seek(0)
            return output.read() if status else None

    def _started(
        self, words: Sequence[str], output: int | IO[str], pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[str]:
        """A pytest of the copy.

        Properties try the same examples each time, so that a mutant lives or dies by its change alone.
        """
        paths = [self.path, *(self.path / Path(package).parent for package in PACKAGES.values())]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        plugins = [word for name in ("pytest_plugin", "forked") for word in ("-p", f"tests.mutants.{name}")]
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *plugins, "--hypothesis-seed=0", *words],
            cwd=self.path,
            env=environ,
            stdout=output,
            stderr=output,
            pass_fds=pass_fds,
            start_new_session=True,
            text=True,
        )

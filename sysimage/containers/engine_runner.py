"""A container in an engine of this machine."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence

from sysimage.containers.console import Console
from sysimage.containers.engine import LoadedImage, entry_point_flags
from sysimage.containers.runner import INTERRUPTED_SECONDS, LAST_LINES, OutputSink, Runner, awaited
from sysimage.process import Completed


class EngineRunner(Runner):
    """A container in Docker or Podman."""

    def __init__(self, files: LoadedImage) -> None:
        super().__init__(files.image)
        self.files = files

    def foreground(
        self,
        command: Sequence[str],
        entry_point: str | None,
        *,
        interactive: bool,
        terminal: bool,
        out: OutputSink,
        err: OutputSink,
    ) -> int:
        options = [
            *(["--interactive"] if interactive else []),
            *(["--tty"] if terminal else []),
            *entry_point_flags(self.files.engine.program, entry_point),
        ]
        self.files.create(command, options)
        name = self.files.name
        streams: dict[str, int | None] = {"stdin": None if interactive else subprocess.DEVNULL}
        with Console(out) as said, Console(err) as complained:
            if not terminal:
                streams |= {"stdout": said.descriptor, "stderr": complained.descriptor}
            words = ("start", "--attach", *(["--interactive"] if interactive else []), name)
            child = self.files.attach(*words, on_terminal=terminal, **streams)
            said.started()
            complained.started()

            def end() -> int:
                if command or entry_point is not None:
                    self.files.call("kill", "--signal=INT", name, accept=range(256))
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        return child.wait(INTERRUPTED_SECONDS)
                status = self.files.stop()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(INTERRUPTED_SECONDS)  # it has its last words still to say
                return status

            try:
                return awaited(lambda: child, end, lambda: said.left or complained.left)
            finally:
                child.kill()
                child.wait()

    def boot(self) -> None:
        self.files.create()
        self.files.start()

    def run(self, argv: Sequence[str]) -> Completed:
        return self.files.call("exec", self.files.name, *argv, accept=range(256))

    def talk(self, argv: Sequence[str], *, terminal: bool) -> int:
        tty = ["--tty"] if terminal else []
        child = self.files.attach("exec", "--interactive", *tty, self.files.name, *argv, on_terminal=terminal)
        try:
            return child.wait()
        finally:
            child.kill()
            child.wait()

    def runs(self) -> bool:
        return bool(self.files.inspect()["State"]["Running"])

    def output(self) -> str:
        done = self.files.call("logs", "--tail", str(LAST_LINES), self.files.name, accept=range(256))
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def stop(self) -> int:
        return self.files.stop()

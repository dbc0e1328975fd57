"""Runs the command line in this process and says which files it opened and which programs it started.

    python -m tests.support.watched RESULT build -o x.tar x.json

Python's own audit events are what is listened to, so nothing can be opened unseen but by the kernel's copying.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from sysimage.cli import main

STARTS = {"os.fork", "os.exec", "os.posix_spawn", "subprocess.Popen"}


def watched(result: Path, arguments: list[str]) -> int:
    opened: list[str] = []
    started: list[str] = []

    def listen(event: str, values: tuple[object, ...]) -> None:
        if event == "open" and isinstance(values[0], str | bytes | os.PathLike):
            opened.append(os.fsdecode(values[0]))
        elif event in STARTS:
            started.append(event)

    sys.addaudithook(listen)
    status = main(arguments)
    result.write_text(json.dumps({"opened": opened, "started": started}))
    return status


if __name__ == "__main__":
    sys.exit(watched(Path(sys.argv[1]), sys.argv[2:]))

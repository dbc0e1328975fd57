"""Sessions that are written down: commands, what each prints, and how it ends.

A session begins with its title after ``#``. A command is after ``$``, and goes on after ``>``; below it are the
lines that it prints, ``[1]`` for a status that is not 0, and after ``?`` why something is not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from tests.bootstrap.scripts.written_files import WrittenFiles

FOLDER = Path(__file__).parent / "transcripts"


@dataclass(frozen=True, slots=True)
class Session:
    """One paragraph of a file."""

    name: str
    title: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.title}"

    @property
    def commands(self) -> list[str]:
        found: list[str] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append(line[2:])
            elif line.startswith("> "):
                found[-1] += f"\n{line[2:]}"
        return found


def sessions() -> Iterator[Session]:
    """Those of all files."""
    for path in sorted(FOLDER.glob("*.txt")):
        for text in re.split(r"\n\n(?=# )", path.read_text().rstrip("\n")):
            title, _, rest = text.partition("\n")
            yield Session(path.stem, title.removeprefix("# "), rest)


def replayed(
    session: Session, files: Mapping[str, str], settings: ScriptSettings, **control: str
) -> tuple[str, Declarations]:
    """The session as it goes now, and what it comes to."""
    lines = ["#!/bin/sh"]
    first = []
    for number, command in enumerate(session.commands):
        first.append(len(lines) + 1)
        lines += f"{{ {command}\n}} > /etc/printed-{number}\necho $? > /etc/status-{number}".split("\n")
    scripts = [
        PackageScripts("lib", "2:1.5-1", {}),
        PackageScripts("pkg", "1.0", {"postinst": "\n".join(lines), **control}),
    ]
    declared = read_scripts(scripts, WrittenFiles(files, "pkg"), settings)
    shown = []
    for number, command in enumerate(session.commands):
        shown.append("$ " + command.replace("\n", "\n> "))
        for name, form in (("printed", "{}"), ("status", "[{}]")):
            node = declared.changes[f"/etc/{name}-{number}"]
            text = node.content.decode() if node is not None and isinstance(node.content, bytes) else ""
            shown += [form.format(line) for line in text.splitlines() if (name, line) != ("status", "0")]
        after = first[number + 1] if number + 1 < len(first) else len(lines) + 1
        whys = [line.why for line in declared.unread if first[number] <= line.line < after]
        shown += [f"? {why}" for why in dict.fromkeys(whys) if why != "whether the command before succeeded"]
    return "\n".join(shown), declared

"""What files of other tools come to: the spec and the notes, whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sysimage.conversion.convert import convert
from sysimage.errors import SpecError
from sysimage.spec.parse import spec_of_value

Notes = list[tuple[int | None, str]]
"""Lines and texts."""
_NOTHING_RUNS = ": a build runs no command; declare what it makes"
_ONLY_PROCESS = " the image runs it as its only process; `sysimage explain services` has an init watch it"


def files_in(directory: Path, *empty: str, **texts: str) -> Path:
    """The directory with these files in it."""
    for name, text in {**dict.fromkeys(empty, ""), **texts}.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    return directory


def whole(directory: Path, text: str, name: str = "Dockerfile") -> tuple[dict[str, Any], Notes]:
    """The spec without its name, and without an empty list of packages, and the notes, with ``*`` in place of what
    they say of every program that an image runs."""
    (directory / name).write_text(text)
    found = convert(directory / name, directory, "app")
    spec_of_value(found.spec, directory)
    spec = {key: value for key, value in found.spec.items() if key != "name" and (key, value) != ("packages", [])}
    return spec, [(note.line, note.text.replace(_ONLY_PROCESS, " *")) for note in found.notes]


def taken_over(directory: Path, command: str) -> tuple[dict[str, Any], list[str]]:
    """The same of one RUN on the second line; in its notes ``*`` stands for what every command has that is left out."""
    spec, notes = whole(directory, f"FROM debian\nRUN {command}\n")
    assert {line for line, _ in notes} <= {2, None}
    return spec, [text.replace(_NOTHING_RUNS, " *") for _, text in notes]


def refusal_of(directory: Path, text: str, name: str) -> tuple[str, list[str]]:
    """Why a file cannot be read, and the faults in it."""
    with pytest.raises(SpecError) as caught:
        whole(directory, text, name)
    assert caught.value.message.startswith(f"cannot read {directory / name}: ")
    return caught.value.message.partition(": ")[2], [str(issue) for issue in caught.value.issues]

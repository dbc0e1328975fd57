"""The text of a spec's file."""

from __future__ import annotations

import codecs
from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.spec.json_text import MOST_CHARACTERS
from sysimage.spec.other_formats import SPEC_SUFFIXES
from sysimage.suggestions import similar_file

_BEGINNING = 4096
"""Bytes in which it shows whether a file is a text."""


def read_text(path: Path) -> str:
    """The text of a spec's file; a `SpecError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(4 * MOST_CHARACTERS + 1)
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise SpecError(f"cannot read {path}: it is a text in UTF-16", hint="save it as UTF-8")
        if b"\0" in data[:_BEGINNING]:
            raise SpecError(
                f"cannot read {path}: it is not a text, and specs are JSON", hint="`sysimage inspect` reads images"
            )
        return data.decode()
    except FileNotFoundError:
        raise SpecError(f"cannot read {path}: there is no such file", hint=_meant(path)) from None
    except IsADirectoryError:
        inside = path / "system.json"
        hint = f"did you mean {inside}?" if inside.is_file() else "a spec is a file, such as system.json"
        raise SpecError(f"cannot read {path}: it is a directory", hint=hint) from None
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        issue = Issue("", f"byte {error.start} is not UTF-8", line)
        raise SpecError(f"cannot read {path}: it is not a text in UTF-8", issues=[issue]) from None


def _meant(path: Path) -> str:
    """What to do where a spec's file is missing: the name that was probably meant, or where to read on."""
    try:
        specs = [one for one in path.parent.iterdir() if _is_spec(one.name)]
    except OSError:
        return "its directory is missing or cannot be read"
    meant = similar_file(path, _is_spec) or (specs[0] if len(specs) == 1 else None)
    return "`sysimage init` writes one" if meant is None else f"did you mean {meant}?"


def _is_spec(name: str) -> bool:
    return name.endswith(SPEC_SUFFIXES) and not name.endswith((".lock.json", ".plan.json", ".schema.json"))

"""The text of a spec's file."""

from __future__ import annotations

from pathlib import Path

from sysimage.errors import Issue, SpecError
from sysimage.spec.json_text import MOST_CHARACTERS


def read_text(path: Path) -> str:
    """The text of a spec's file; a `SpecError` if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(4 * MOST_CHARACTERS + 1)
        return data.decode()
    except OSError as error:
        raise SpecError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        issue = Issue("", f"byte {error.start} is not UTF-8", line)
        raise SpecError(f"cannot read {path}: it is not a text in UTF-8", issues=[issue]) from None

"""The versions of what is written for other programs and for later versions of this one, and how they are read.

A format's name and version are in the document: ``"format": "sysimage-lock/1"``. A version is raised where an older
program would misunderstand the document; what it may ignore does not raise it. Older versions are read; a newer one
is refused with a message that says so.
"""

from __future__ import annotations

DOCUMENT_VERSION = 1
"""Of the documents that ``--json`` prints, as their ``format_version``."""


def written_format(name: str, version: int) -> str:
    """What a document of this format says about itself."""
    return f"{name}/{version}"


def version_of(document: object, name: str, newest: int) -> int:
    """The version of a parsed document that should be of the format ``name``, from 1 to ``newest``.

    A ValueError says what else it is.
    """
    said = document.get("format") if isinstance(document, dict) else None
    kind, _, number = said.rpartition("/") if isinstance(said, str) else ("", "", "")
    if kind != name or not number.isascii() or not number.isdecimal() or int(number) < 1:
        raise ValueError(f"its format is not {written_format(name, newest)}")
    if int(number) > newest:
        raise NewerFormatError(
            f"its format is {said}, and this sysimage reads {name} up to version {newest}: a newer sysimage wrote it"
        )
    return int(number)


class NewerFormatError(ValueError):
    """A document of a version that only a newer program knows."""

"""Recognises the tool that a file belongs to, and converts the file to a spec."""

from __future__ import annotations

from pathlib import Path

from sysimage.conversion.apko import read_apko
from sysimage.conversion.debos import is_debos, read_debos
from sysimage.conversion.dockerfile import read_dockerfile
from sysimage.conversion.ignore_file import ignored
from sysimage.conversion.mkosi import read_mkosi
from sysimage.conversion.spec_draft import Converted, SpecDraft, image_name
from sysimage.errors import SpecError
from sysimage.spec.text_file import read_text


def convert(path: Path, beside: Path, name: str | None = None) -> Converted:
    """The spec for a Dockerfile, an apko.yaml, a mkosi.conf or a recipe of debos.

    The spec is for a file in the directory ``beside``.
    Raises `SpecError` for any other file and for one that cannot be read.
    """
    text = read_text(path)
    draft = SpecDraft(path.parent, beside)
    draft.spec["name"] = name or image_name(path.parent)
    try:
        _read(path, text, draft)
    except (ValueError, OSError) as error:  # quotes that are open, numbers that are not, names that no file can have
        raise SpecError(f"cannot read {path}: {error}") from None
    return draft.finished()


def _read(path: Path, text: str, draft: SpecDraft) -> None:
    if path.suffix in (".yaml", ".yml"):
        (read_debos if is_debos(text) else read_apko)(text, str(path), draft)
    elif path.suffix == ".conf":
        read_mkosi(text, str(path), draft)
    elif path.suffix in (".json", ".jsonc"):
        raise SpecError(f"cannot convert {path}: it is JSON, as specs are", hint=f"sysimage lint {path}")
    else:
        draft.ignored = ignored(path)
        read_dockerfile(text, str(path), draft)

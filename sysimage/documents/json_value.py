"""A document as JSON: what all of them begin with, and the plain values that dataclasses become."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import PurePath
from typing import Any, ClassVar

from sysimage.digest import Digest
from sysimage.formats import DOCUMENT_VERSION


class Part:
    """Something that documents hold. Docstrings of fields are the descriptions in the JSON Schema."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, object]] = {
        "use_attribute_docstrings": True,
        "arbitrary_types_allowed": True,
    }


class Document(Part):
    """What a verb prints with ``--json``."""

    __slots__ = ()
    KIND: ClassVar[str]
    """What the document is about, as its ``kind``."""


def json_value(value: Any) -> Any:
    """A document, or a part of one, as what `json.dumps` takes: every field is there, absent values are null."""
    if isinstance(value, Part) and is_dataclass(value):
        return {field.name: json_value(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: json_value(below) for key, below in value.items()}
    if isinstance(value, tuple | list):
        return [json_value(below) for below in value]
    return str(value) if isinstance(value, PurePath | Digest) else value


def document_value(document: Document) -> dict[str, Any]:
    """A document with its kind and the version of its form in front."""
    return {"kind": document.KIND, "format_version": DOCUMENT_VERSION, **json_value(document)}

"""The JSON Schemas (2020-12) of the documents, made from their values."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from sysimage.documents import cache, graphs, images, packages, plans, problems, specs
from sysimage.documents.json_value import Document
from sysimage.formats import DOCUMENT_VERSION

MODULES: tuple[ModuleType, ...] = (images, plans, packages, graphs, specs, cache, problems)
PROGRESS = "progress"
"""The name of the schema of a line of ``--progress json``, which is not a document and has no ``kind``."""


class _Generator(GenerateJsonSchema):
    """Pydantic's generator without titles, which only repeat names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def documents() -> dict[str, type[Document]]:
    """Every document by its kind, in the order in which they are written down."""
    return {one.KIND: one for module in MODULES for one in _documents_of(module)}


def _documents_of(module: ModuleType) -> Iterator[type[Document]]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, Document) and value.__module__ == module.__name__:
            yield value


def schema_names() -> tuple[str, ...]:
    """What `document_schema` has: the kinds of documents, and lines of progress."""
    return (*documents(), PROGRESS)


def document_schema(name: str) -> dict[str, Any]:
    """The schema of the documents of a kind, or of lines of progress. Later versions may have more fields."""
    said = {"$schema": GenerateJsonSchema.schema_dialect, "$id": f"urn:sysimage:{name}:{DOCUMENT_VERSION}"}
    if name == PROGRESS:
        line: Any = cache.ProgressLine | cache.WarningLine
        return {**said, "title": "A line of --progress json", **_schema(line)}
    made = _schema(documents()[name])
    version = {"const": DOCUMENT_VERSION, "description": "Raised when a field goes or changes its meaning."}
    properties = {"kind": {"const": name}, "format_version": version, **made.pop("properties")}
    return {**said, "title": f"{name}.json", **made, "required": list(properties), "properties": properties}


def _schema(value: Any) -> dict[str, Any]:
    made: dict[str, Any] = TypeAdapter(value).json_schema(mode="serialization", schema_generator=_Generator)
    return {key: _plain(below) for key, below in made.items() if key != "title"}


def _plain(value: Any) -> Any:
    """Without the names of classes, and with descriptions in one line."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _plain(below) for key, below in value.items() if not (key == "title" and isinstance(below, str))}
    if isinstance(kept.get("description"), str):
        kept["description"] = " ".join(kept["description"].split())
    return kept

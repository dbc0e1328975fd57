"""The JSON Schemas in docs/ are those of the program, and documents become plain values."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from sysimage.digest import Digest
from sysimage.documents import Document, Part, document_value
from sysimage.documents.schema import document_schema, documents, schema_names
from sysimage.formats import DOCUMENT_VERSION

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


@pytest.mark.parametrize("name", schema_names())
def test_the_schemas_in_docs_are_those_of_the_program(name: str) -> None:
    shipped = (SCHEMAS / f"{name}.schema.json").read_text()
    assert json.dumps(document_schema(name)) == json.dumps(json.loads(shipped)), "write them again: make schema"


def test_a_schema_is_named_after_its_kind_and_there_is_one_for_each() -> None:
    assert list(schema_names()) == [*documents(), "progress"]
    assert {kind: document.KIND for kind, document in documents().items()} == {kind: kind for kind in documents()}
    assert all(document.__module__.startswith("sysimage.documents.") for document in documents().values())


@dataclass(frozen=True, slots=True)
class Inner(Part):
    path: PurePosixPath
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class Outer(Document):
    KIND = "outer"

    parts: tuple[Inner, ...]
    by_name: dict[str, list[Inner]]
    number: int


def test_a_document_becomes_values_that_json_has_with_its_kind_in_front() -> None:
    inner = Inner(PurePosixPath("/srv"), Digest("a" * 64))
    value = document_value(Outer((inner,), {"b": [Inner(PurePosixPath("x"), None)]}, 7))
    assert value == {
        "kind": "outer",
        "format_version": DOCUMENT_VERSION,
        "parts": [{"path": "/srv", "digest": "sha256:" + "a" * 64}],
        "by_name": {"b": [{"path": "x", "digest": None}]},
        "number": 7,
    }
    assert list(value)[:2] == ["kind", "format_version"]
    assert json.loads(json.dumps(value)) == value

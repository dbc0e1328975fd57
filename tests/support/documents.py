"""Documents of ``--json``, read as strictly as their schemas can be read."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from sysimage.documents.schema import PROGRESS, document_schema


def read_document(text: str) -> Any:
    """The value of a document that has all that its schema says, and nothing else."""
    document = json.loads(text)
    validator_of(document["kind"]).validate(document)
    return document


def read_progress(line: str) -> Any:
    """The value of a line of ``--progress json``."""
    value = json.loads(line)
    validator_of(PROGRESS).validate(value)
    return value


@cache
def validator_of(name: str) -> Draft202012Validator:
    """A validator that also refuses fields that the schema does not name."""
    schema = document_schema(name)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(closed(schema))


def closed(schema: Any) -> Any:
    """The same schema with no room for other fields."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(below) for key, below in schema.items()}
    return {**made, "additionalProperties": False} if isinstance(schema.get("properties"), dict) else made

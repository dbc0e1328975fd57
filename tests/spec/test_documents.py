"""What docs/ says about system.json and exit statuses is true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sysimage import errors
from sysimage.cli.failure import INTERNAL
from sysimage.spec import parse_spec
from sysimage.spec.schema import spec_schema

DOCS = Path(__file__).parents[2] / "docs"
SYSTEM_JSON = (DOCS / "system-json.md").read_text()
SPECS = re.findall(r"```json\n(.*?)```", SYSTEM_JSON, re.DOTALL)


@pytest.mark.parametrize("text", SPECS, ids=lambda text: json.loads(text)["name"])
def test_the_specs_in_the_documents_are_without_fault(text: str) -> None:
    assert parse_spec(text).name == json.loads(text)["name"]


def test_every_key_is_explained() -> None:
    schema = spec_schema()
    keys = {key for part in [schema, *schema["$defs"].values()] for key in part.get("properties", {})}
    said = set(re.findall(r"`\"?([$a-z-]+)\"?`", SYSTEM_JSON)) | set(re.findall(r'"([$a-z-]+)":', SYSTEM_JSON))
    assert keys <= said


def test_defaults_are_as_explained() -> None:
    schema = spec_schema()
    schema["required"] = schema["then"]["required"]
    in_words = {"packages", "package-sources", "store", "description"}
    checked = 0
    for key, text in re.findall(r"^\| `([a-z-]+)` \| `?([^|`]+)`? \|", SYSTEM_JSON, re.MULTILINE):
        parts = [part for part in (schema, schema["$defs"]["Service"]) if key in part["properties"]]
        required = {"command"}.union(*(part.get("required", ()) for part in parts))
        defaults = {"required" if key in required else default_text(part["properties"][key]) for part in parts}
        if parts and key not in in_words and None not in defaults:
            assert text.strip() in defaults, key
            checked += 1
    assert checked >= 20


def default_text(field: dict[str, Any]) -> str | None:
    default = field.get("default")
    return default if default is None or isinstance(default, str) else json.dumps(default)


def test_every_exit_status_is_in_the_table() -> None:
    table = (DOCS / "exit-status.md").read_text()
    kinds = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.SysimageError)
    ]
    assert len(kinds) >= 7
    for status in {kind.exit_status for kind in kinds} | {INTERNAL}:
        assert f"\n| {status} | " in table

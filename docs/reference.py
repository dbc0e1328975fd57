"""The reference: pages made of the command line's parser and of the model of system.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sysimage.cli.main import program_manuals
from sysimage.cli.manual import reference_page
from sysimage.spec.schema import spec_schema

Schema = Mapping[str, Any]


def write_reference(folder: Path) -> None:
    """Write ``verbs.md`` and ``keys.md``; a file that says the same already stays as it is."""
    folder.mkdir(exist_ok=True)
    for name, text in (("verbs.md", reference_page(program_manuals())), ("keys.md", keys_page(spec_schema()))):
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def keys_page(whole: Schema) -> str:
    """Every key of system.json, and of the objects in it."""
    lines = [
        "# Keys",
        "",
        "Made from the model that reads a `system.json`; [system.json](../system-json.md) explains them.",
        "",
    ]
    lines += ["## The system", "", *_Keys(whole).table(whole)]
    for name, one in whole["$defs"].items():
        if "properties" in one:
            lines += ["", f"## {name}", "", " ".join(str(one.get("description", "")).split()), ""]
            lines += _Keys(whole).table(one)
    return "\n".join(lines) + "\n"


class _Keys:
    """The words of tables, for values that may stand elsewhere in the schema."""

    def __init__(self, whole: Schema) -> None:
        self._whole = whole

    def table(self, one: Schema) -> Iterator[str]:
        """A row for each key; what a part of a spec has as the whole has it is named alone."""
        values = one["properties"]
        same = [key for key, value in values.items() if str(value.get("$ref", "")).startswith("#/properties/")]
        if same:
            yield f"As in the system: {', '.join(f'`{key}`' for key in same)}."
            yield ""
        yield "| key | value | default | meaning |"
        yield "| --- | --- | --- | --- |"
        for key, value in values.items():
            if key not in same:
                default = "required" if key in one.get("required", ()) else _default(value)
                meaning = " ".join(str(value.get("description", "")).split()).replace("|", "\\|")
                yield f"| `{key}` | {self._kind(value)} | {default} | {meaning} |"

    def _kind(self, value: Schema) -> str:
        """What a value may be, in words."""
        if "$ref" in value:
            name = value["$ref"].rpartition("/")[2]
            found = self._whole["$defs"].get(name) if value["$ref"].startswith("#/$defs/") else None
            if found is None:
                return "" if value["$ref"] == "#" else f"as `{name}`"
            return f"[{name}](#{name.lower()})" if "properties" in found else self._kind(found)
        if value.get("type") == "string" and "anyOf" in value:
            return "string"
        if "const" in value or "enum" in value:
            return ", ".join(f"`{json.dumps(one)}`" for one in value.get("enum", [value.get("const")]))
        for key in ("anyOf", "oneOf", "allOf"):
            if key in value:
                kinds = [self._kind(one) for one in value[key] if one.get("type") != "null"]
                return " or ".join(dict.fromkeys(kind for kind in kinds if kind))
        kind = value.get("type", "anything")
        if kind == "array":
            return f"array of {self._kind(value.get('items', {}))}"
        if kind == "object" and isinstance(value.get("additionalProperties"), Mapping):
            return f"object of {self._kind(value['additionalProperties'])}"
        return " or ".join(one for one in kind if one != "null") if isinstance(kind, list) else str(kind)


def _default(value: Schema) -> str:
    return f"`{json.dumps(value['default'], ensure_ascii=False)}`" if value.get("default") is not None else ""

"""The page of a report: one HTML file with everything in it, that asks no network for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib.resources import files
from typing import Any

from sysimage import __version__

_STYLES = ("page.css",)
_SCRIPTS = ("format.js", "treemap.js", "graph.js", "tables.js", "page.js")


def page(report: dict[str, Any], contents: dict[str, Any]) -> str:
    """``report`` and ``contents`` are what `report_document` and `files_document` make.

    Nothing of an image is markup or code here: values are in JSON in which no tag can begin, the scripts make text
    of them, and a browser runs only scripts with the hashes that the page says.
    """
    style = "".join(map(_asset, _STYLES))
    script = "'use strict';\n(() => {\n" + "\n".join(map(_asset, _SCRIPTS)) + "\n})();\n"
    policy = f"default-src 'none'; img-src data:; style-src {_source(style)}; script-src {_source(script)}"
    return _fill(
        _asset("page.html"),
        {
            "POLICY": html.escape(policy),
            "TITLE": html.escape(f"{report['name']} – sysimage report"),
            "VERSION": html.escape(__version__),
            "STYLE": style,
            "REPORT": _json(report),
            "FILES": _json(contents),
            "SCRIPT": script,
        },
    )


def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _json(value: Any) -> str:
    """JSON that no reader of HTML takes for the end of a script, or the beginning of a comment."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _fill(template: str, values: dict[str, str]) -> str:
    """Each ``@NAME@`` once; what is put in is not looked at again."""
    parts = template.split("@")
    return "".join(values[part] if at % 2 else part for at, part in enumerate(parts))

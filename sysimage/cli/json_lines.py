"""JSON for people: short parts on one line."""

from __future__ import annotations

import json


def compact_json(value: object, depth: int = 0) -> str:
    """JSON in which each part that is short enough is on one line. ``depth`` is that of the value: 0 at the top."""
    flat = json.dumps(value, ensure_ascii=False)
    if depth and len(flat) + 2 * depth <= 72:
        return flat
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, dict) and value:
        parts = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {compact_json(one, depth + 1)}"
            for key, one in value.items()
        ]
        return "{\n" + ",\n".join(parts) + f"\n{outer}}}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"{inner}{compact_json(one, depth + 1)}" for one in value) + f"\n{outer}]"
    return flat

"""JSON in which Nix describes store paths: ``nix path-info --json`` in its shapes, and ``exportReferencesGraph``.

Up to Nix 2.18 an array of objects with ``path``; then an object by path; newer still, an object with ``storeDir`` and
``info``, in which paths are base names. A derivation with structured attributes gets the array under a name of its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sysimage.store.paths import StorePath
from sysimage.store.query.catalogue import PathInfo, parse_hash, sorted_paths


def parse_path_info(text: str) -> Iterator[PathInfo]:
    """The facts about every valid path in the text; a ValueError says what is wrong with it."""
    value = json.loads(text)
    if isinstance(value, dict) and isinstance(value.get("info"), dict):
        directory = str(value.get("storeDir") or "")
        for name, info in value["info"].items():
            if info is not None:
                yield _facts(name, info, directory)
    elif isinstance(value, dict) and "path" not in value and any(isinstance(one, list) for one in value.values()):
        yield from _entries(_only_graph(value))
    elif isinstance(value, dict):
        for path, info in value.items():
            if info is not None:
                yield _facts(path, info, "")
    elif isinstance(value, list):
        yield from _entries(value)
    else:
        raise ValueError("neither an array nor an object")


def _entries(values: list[Any]) -> Iterator[PathInfo]:
    for info in values:
        if not isinstance(info, dict) or not isinstance(info.get("path"), str):
            raise ValueError("an entry without a path")
        if info.get("valid", True):
            yield _facts(info["path"], info, "")


def _only_graph(value: dict[str, Any]) -> list[Any]:
    """The one member that is a references graph; other members are the derivation's own."""
    graphs = [one for one in value.values() if isinstance(one, list) and one and isinstance(one[0], dict)]
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs)} references graphs, not one")
    return graphs[0]


def _facts(path: str, info: Any, directory: str) -> PathInfo:
    if not isinstance(info, dict):
        raise ValueError(f"it has no entry for {path}")

    def full(name: str) -> str:
        return name if name.startswith("/") or not directory else f"{directory}/{name}"

    references, size = info.get("references"), info.get("narSize")
    if not isinstance(references, list) or not all(isinstance(one, str) for one in references):
        raise ValueError(f"no references are given for {path}")
    if not isinstance(size, int):
        raise ValueError(f"no NAR size is given for {path}")
    deriver = info.get("deriver")
    return PathInfo(
        StorePath.parse(full(path)),
        sorted_paths(full(one) for one in references),
        parse_hash(_hash_text(info.get("narHash"), path)),
        size,
        StorePath.parse(full(deriver))
        if isinstance(deriver, str) and not deriver.endswith("unknown-deriver")
        else None,
    )


def _hash_text(value: object, path: str) -> str:
    if isinstance(value, Mapping) and value.get("algorithm") == "sha256":
        value = value.get("hash")
    if not isinstance(value, str):
        raise ValueError(f"no NAR hash is given for {path}")
    return value

"""An image as a report has it: its documents, its files, its store's database, and the record of its build."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sysimage.compare.compared_contents import named_packages
from sysimage.errors import IntegrityError, MachineError
from sysimage.layerplan import PlannedLayer, Record
from sysimage.progress import Progress, silent
from sysimage.report.contents import DATABASES, SPEC, Contents, read_contents
from sysimage.report.facts import Facts, ItemFact, LayerFact
from sysimage.report.packages import read_licences, read_stanza, with_licences_of_source
from sysimage.rules.packages import is_stanza
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.verify.database import Row, read_database
from sysimage.verify.image_source import ImagePlace
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.manifest import ImageDocuments, LayerDocument
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents


def image_facts(
    place: Path | ImagePlace,
    read_record: Callable[[Mapping[str, str]], Record | None],
    progress: Progress = silent,
    *,
    platform: str | None = None,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> Facts:
    """Read an image. ``read_record`` finds what its build knew in the annotations of its manifest.

    An image that cannot be followed is an `IntegrityError`, a file that cannot be read a `MachineError`. Whether what
    it says is true is asked by verifying it, not here.
    """
    try:
        with open_source(place, limits) as source:
            documents = read_documents(source, IssueCollector(1), limits, platform, name)
            contents = read_contents(source, documents.layers, limits, progress)
    except MalformedError as error:
        raise IntegrityError(f"cannot read {place}: {error}") from None
    except OSError as error:
        raise MachineError(f"cannot read {place}: {error.strerror}") from error
    record = read_record(documents.annotations)
    kind, rows = _registered(contents)
    references = _references(contents, record, rows)
    planned = {} if record is None else _planned(record, contents.layer_of)
    items = _items(contents, references)
    referred = {reference for item in items for reference in item.references}
    return Facts(
        kind="image",
        name=documents.tags[0] if documents.tags else str(place),
        facts=_facts(documents, kind, len(items)),
        layers=tuple(_layer(layer, planned.get(layer.number), contents.hidden) for layer in documents.layers),
        items=items,
        roots=tuple(item.path for item in items if item.path not in referred),
        moves_always=contents.database_layer,
        declared=_declared(contents, items),
        propagates=record is None or record.plan.memory.propagates,
        others=contents.others,
    )


def _registered(contents: Contents) -> tuple[str, Mapping[str, Row]]:
    for parts, schema in DATABASES.items():
        if (data := contents.kept.get(parts)) is not None:
            log = contents.kept.get((*parts[:-1], parts[-1] + b"-wal"), b"")
            rows = read_database(data, schema, "the database", IssueCollector(1), log=log, ours=False)
            return schema.kind, rows or {}
    return "", {}


def _references(contents: Contents, record: Record | None, rows: Mapping[str, Row]) -> Mapping[str, tuple[str, ...]]:
    """References of each item that is in the image, as its database has them, or else its build's record."""
    found = {path: tuple(row.references) for path, row in rows.items()}
    if not found and record is not None:
        found = {str(item.path): tuple(map(str, item.references)) for item in record.closure}
    there = {as_path(item) for item in contents.layer_of}
    return {path: tuple(sorted((set(found.get(path, ())) & there) - {path})) for path in there}


def _planned(record: Record, layer_of: Mapping[Parts, int]) -> dict[int, PlannedLayer]:
    """The plan's layers by the number of the layer that their items are in."""
    found = {}
    for layer in record.plan.layers:
        number = layer_of.get(as_parts(str(layer.paths[0])))
        if number is not None:
            found[number] = layer
    return found


def _items(contents: Contents, references: Mapping[str, tuple[str, ...]]) -> tuple[ItemFact, ...]:
    stanzas: dict[Parts, list[bytes]] = {}
    copyrights: dict[Parts, list[bytes]] = {}
    tops = {len(item) for item in contents.layer_of}
    for parts, content in contents.kept.items():
        if parts[-1] == SPEC:
            continue
        item = next((parts[:depth] for depth in sorted(tops) if parts[:depth] in contents.layer_of), None)
        if item is not None:
            (stanzas if is_stanza(parts) else copyrights).setdefault(item, []).append(content)
    items = []
    for item, files in contents.items.items():
        path = as_path(item)
        read = [package for stanza in stanzas.get(item, ()) if (package := read_stanza(stanza)) is not None]
        licences = frozenset[str]().union(*map(read_licences, copyrights.get(item, ())))
        items.append(
            ItemFact(
                path,
                contents.layer_of[item],
                sum(file.size for file in files),
                references[path],
                read[0] if len(read) == 1 else None,
                tuple(sorted(licences)),
                files,
            )
        )
    return tuple(sorted(with_licences_of_source(items), key=lambda item: (item.base_name, item.path)))


def _declared(contents: Contents, items: Iterable[ItemFact]) -> frozenset[str]:
    """Items of the packages that a system in the image was declared to have."""
    named: frozenset[str] = frozenset()
    for parts, content in contents.kept.items():
        if parts[-1] == SPEC:
            try:
                named |= named_packages(json.loads(content)["packages"])
            except (ValueError, KeyError, TypeError):
                continue  # another tool's file of this name
    return frozenset(item.path for item in items if item.package is not None and item.package.name in named)


def _layer(document: LayerDocument, planned: PlannedLayer | None, hidden: Mapping[int, int]) -> LayerFact:
    return LayerFact(
        identity=str(document.digest or document.diff_id),
        diff_id=str(document.diff_id),
        size=document.size,
        holds=document.comment or document.created_by,
        reason="" if planned is None else planned.reason,
        pulls_per_year=None if planned is None else planned.pulls_per_year,
        hidden=hidden[document.number],
    )


def _facts(documents: ImageDocuments, store: str, items: int) -> tuple[tuple[str, str], ...]:
    config = documents.config
    runtime = config.runtime
    lines = (
        ("names", ", ".join(documents.tags)),
        ("digest", str(documents.digest or "")),
        ("image ID", str(documents.image_id)),
        ("platform", f"{config.os}/{config.architecture}"),
        ("created", config.created or ""),
        ("store", f"{store}, {items} items" if store else ""),
        ("starts", " ".join([*runtime.entry_point, *runtime.command])),
        ("user", runtime.user),
        ("ports", " ".join(runtime.exposed_ports)),
        ("volumes", " ".join(runtime.volumes)),
    )
    return tuple((name, value) for name, value in lines if value)

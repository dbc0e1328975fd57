"""Results as JSON has them: what ``--json`` prints, for programs that store or send them.

Sizes are in bytes. ``docs/stability.md`` says what may change in which version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeAlias

from sysimage.api.specs import ResolvedSpec
from sysimage.api.values import BuiltImage, BuiltIndex, CopiedImage, LockedPackages, Plan, PushedImage
from sysimage.errors import SysimageError
from sysimage.formats import DOCUMENT_VERSION

if TYPE_CHECKING:
    from sysimage.compare.difference import Difference
    from sysimage.verify import ImageSummary, VerifiedImage

FORMAT_VERSION = DOCUMENT_VERSION
"""Of the documents, as their ``format_version``."""

Result: TypeAlias = (
    "BuiltImage | BuiltIndex | CopiedImage | Plan | ResolvedSpec | VerifiedImage | ImageSummary | LockedPackages"
    " | Difference"
)


def document(result: Result | SysimageError) -> dict[str, Any]:
    """A result, or an error, as the document that ``--json`` prints for it."""
    value = {"error": result.document()} if isinstance(result, SysimageError) else _result(result)
    return {"format_version": FORMAT_VERSION, **value}


def together(found: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """Several documents as one."""
    return {"format_version": FORMAT_VERSION, key: [dict(one) for one in found]}


def _result(result: Result) -> dict[str, Any]:
    match result:
        case BuiltImage():
            return _built(result)
        case BuiltIndex():
            return _index(result)
        case Plan():
            return _planned(result)
        case CopiedImage():
            return {
                "digest": str(result.digest),
                "size": result.size,
                "layers": result.layers,
                "transfers": [transfer_document(one) for one in result.transfers],
            }
        case ResolvedSpec():
            files = [str(file) for file in result.files]
            return {"spec": dict(result.value), "origins": dict(result.origins), "files": files}
        case LockedPackages():
            path = None if result.lock_file is None else str(result.lock_file)
            return {"lockfile": path, "packages": len(result.packages), "size": result.size}

    from sysimage.compare.difference import Difference  # neither is loaded for the results above
    from sysimage.verify import VerifiedImage

    if isinstance(result, Difference):
        return _difference(result)
    return _verified(result) if isinstance(result, VerifiedImage) else _inspected(result)


def _built(image: BuiltImage) -> dict[str, Any]:
    return {
        "names": list(image.names),
        "format": image.format,
        "output": None if image.output is None else str(image.output),
        "record": None if image.record is None else str(image.record),
        "pushed": list(image.pushed),
        "transfers": [transfer_document(one) for one in image.transfers],
        "loaded": list(image.loaded),
        "size": image.size,
        "digest": str(image.digest),
        "image_id": str(image.image_id),
        "created": image.plan.created,
        "layers": [
            {
                "digest": str(layer.digest),
                "diff_id": str(layer.diff_id),
                "media_type": layer.media_type,
                "size": layer.size,
            }
            for layer in image.layers
        ],
        **_closure(image.plan),
    }


def _index(index: BuiltIndex) -> dict[str, Any]:
    return {
        "names": list(index.names),
        "format": index.format,
        "digest": str(index.digest),
        "output": None if index.output is None else str(index.output),
        "pushed": list(index.pushed),
        "transfers": [transfer_document(one) for one in index.transfers],
        "loaded": list(index.loaded),
        "size": index.size,
        "shared": index.shared,
        "images": [_built(one) for one in index.images],
    }


def transfer_document(pushed: PushedImage) -> dict[str, Any]:
    """What a push had to move."""
    return {
        "names": list(pushed.names),
        "sent": pushed.sent,
        "size": pushed.size,
        "layers": pushed.layers,
        "layers_there": pushed.layers_there,
    }


def _planned(plan: Plan) -> dict[str, Any]:
    a_year = plan.updates_per_year_seconds
    return {
        "names": list(plan.names),
        "max_layers": plan.max_layers,
        "seconds": {
            "first_pull": round(plan.first_pull_seconds, 1),
            "updates_per_year": None if a_year is None else round(a_year, 1),
        },
        "layers": [
            {
                "nar_size": layer.nar_size,
                "pulls_per_year": layer.pulls_per_year,
                "reason": layer.reason,
                "paths": list(layer.paths),
                "customized": layer.customized,
            }
            for layer in plan.layers
        ],
        "updates": {
            "per_year": plan.updates_per_year,
            "size": plan.update_size,
            "size_by_rule": dict(plan.update_sizes_by_rule),
            "estimated_from_steps": plan.update_steps,
        },
        "customization": {"entries": plan.customization_entries, "size": plan.customization_size},
        "left_out": _left_out(plan),
        "unread_lines": len(plan.unread),
        **_closure(plan),
    }


def _left_out(plan: Plan) -> dict[str, Any]:
    kinds = sorted({file.what for file in plan.left_out})
    return {
        "files": len(plan.left_out),
        "size": sum(file.size for file in plan.left_out),
        "kinds": {kind: sum(file.size for file in plan.left_out if file.what == kind) for kind in kinds},
    }


def every_file_left_out(plan: Plan) -> dict[str, Any]:
    """What slim items lack, whole: the totals of a plan's document, and every file by item."""
    items: dict[str, list[dict[str, Any]]] = {}
    for file in plan.left_out:
        items.setdefault(file.item, []).append({"path": file.path, "what": file.what, "size": file.size})
    return {**_left_out(plan), "items": items}


def every_unread_line(plan: Plan) -> list[dict[str, Any]]:
    """The lines of maintainer scripts that were not understood."""
    return [
        {"package": one.package, "script": one.script, "line": one.line, "text": one.text, "why": one.why}
        for one in plan.unread
    ]


def _closure(plan: Plan) -> dict[str, Any]:
    """What the image holds, as far as it is known before layers are made."""
    return {
        "system": plan.system,
        "architecture": plan.architecture,
        "items": plan.items,
        "nar_size": plan.nar_size,
    }


def _verified(image: VerifiedImage) -> dict[str, Any]:
    return {
        "tags": list(image.tags),
        "digest": None if image.digest is None else str(image.digest),
        "image_id": str(image.image_id),
        "os": image.os,
        "architecture": image.architecture,
        "items": image.items,
        "files": image.files,
        "directories": image.directories,
        "symlinks": image.symlinks,
        "bytes": image.bytes,
        "store_kind": image.store_kind,
        "store_directory": image.store_directory,
        "notes": [{"where": note.where, "message": note.message} for note in image.notes],
        "layers": [
            {
                "digest": None if layer.digest is None else str(layer.digest),
                "diff_id": str(layer.diff_id),
                "size": layer.size,
                "uncompressed_size": layer.uncompressed_size,
                "entries": layer.entries,
                "items": layer.items,
                "comment": layer.comment,
            }
            for layer in image.layers
        ],
    }


def _inspected(summary: ImageSummary) -> dict[str, Any]:
    config, runtime = summary.config, summary.config.runtime
    return {
        "tags": list(summary.tags),
        "digest": None if summary.digest is None else str(summary.digest),
        "image_id": str(summary.image_id),
        "size": summary.size,
        "store_kind": summary.store_kind,
        "items": summary.items,
        "config": {
            "os": config.os,
            "architecture": config.architecture,
            "created": config.created,
            "entry_point": list(runtime.entry_point),
            "command": list(runtime.command),
            "environment": list(runtime.environment),
            "working_directory": runtime.working_directory,
            "user": runtime.user,
            "labels": dict(config.labels),
            "exposed_ports": list(runtime.exposed_ports),
            "volumes": list(runtime.volumes),
            "stop_signal": runtime.stop_signal,
        },
        "annotations": dict(summary.annotations),
        "layers": [
            {
                "digest": None if layer.digest is None else str(layer.digest),
                "diff_id": str(layer.diff_id),
                "size": layer.size,
                "media_type": layer.media_type,
                "created_by": layer.created_by,
                "comment": layer.comment,
                "annotations": dict(layer.annotations),
            }
            for layer in summary.layers
        ],
        "faults": [str(issue) for issue in summary.faults],
    }


def _difference(found: Difference) -> dict[str, Any]:
    layers = found.layers
    return {
        "old": found.old,
        "new": found.new,
        "packages": [
            {
                "name": one.name,
                "change": one.change,
                "old": one.old,
                "new": one.new,
                "source": one.source,
                "fixes": None if one.fixes is None else list(one.fixes),
            }
            for one in found.packages
        ],
        "configuration": None if found.configuration is None else list(map(asdict, found.configuration)),
        "files": None if found.files is None else list(map(asdict, found.files)),
        "layers": None
        if layers is None
        else {
            "kept": layers.kept,
            "total": layers.total,
            "size": layers.total_size,
            "pulled_size": layers.pulled_size,
            "pulled": list(map(asdict, layers.pulled)),
        },
    }

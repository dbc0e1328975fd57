"""Results as JSON has them: what ``--json`` prints, for programs that store or send them.

``docs/json.md`` says which words they have, ``docs/stability.md`` what may change in which version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sysimage.api.specs import ResolvedSpec
from sysimage.api.values import BuiltImage, BuiltIndex, CopiedImage, LockedPackages, Plan, PushedImage
from sysimage.documents import Document, document_value, images, packages, plans
from sysimage.documents.problems import ErrorDocument, Failure, issues_of
from sysimage.documents.specs import ResolveDocument
from sysimage.errors import IntegrityError, SysimageError
from sysimage.formats import DOCUMENT_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sysimage.compare.difference import Difference, PackageChange
    from sysimage.verify import ImageSummary, VerifiedImage
    from sysimage_bootstrap.packages.lock import InputChange

FORMAT_VERSION = DOCUMENT_VERSION
"""Of the documents, as their ``format_version``."""

Result: TypeAlias = (
    "BuiltImage | BuiltIndex | CopiedImage | Plan | ResolvedSpec | VerifiedImage | ImageSummary | LockedPackages"
    " | Difference"
)


def document(result: Result | SysimageError) -> dict[str, Any]:
    """A result, or an error, as the document that ``--json`` prints for it."""
    return document_value(document_of(result))


def document_of(result: Result | SysimageError) -> Document:
    """The same as a typed value."""
    match result:
        case SysimageError():
            return ErrorDocument(Failure.of(result))
        case BuiltImage():
            return built_document(result)
        case BuiltIndex():
            return _index(result)
        case Plan():
            return planned_document(result)
        case CopiedImage():
            pushed = tuple(map(push_document, result.transfers))
            return images.CopyDocument(
                source=result.source,
                targets=result.targets,
                digest=str(result.digest),
                size=result.size,
                layer_count=result.layers,
                pushed=pushed,
            )
        case ResolvedSpec():
            return ResolveDocument(dict(result.value), dict(result.origins), tuple(map(str, result.files)))
        case LockedPackages():
            return locked_document(result, None)

    from sysimage.compare.difference import Difference  # neither is loaded for the results above
    from sysimage.verify import VerifiedImage

    if isinstance(result, Difference):
        return _difference(result)
    return _verified(result) if isinstance(result, VerifiedImage) else _inspected(result)


def built_document(image: BuiltImage) -> images.BuildDocument:
    """An image that was built."""
    return images.BuildDocument(
        names=image.names,
        platform=image.plan.platform,
        digest=str(image.digest),
        image_id=str(image.image_id),
        created=_time(image.plan.created),
        size=image.size,
        unpacked_size=image.plan.nar_size,
        layers=tuple(
            images.BuiltLayer(str(layer.digest), str(layer.diff_id), layer.media_type, layer.size)
            for layer in image.layers
        ),
        store=_store(image.plan),
        system=image.plan.system or None,
        format=image.format,
        output=None if image.output is None else str(image.output),
        record_file=None if image.record is None else str(image.record),
        pushed=tuple(map(push_document, image.transfers)),
        loaded=image.loaded,
    )


def _index(index: BuiltIndex) -> images.BuildIndexDocument:
    return images.BuildIndexDocument(
        names=index.names,
        digest=str(index.digest),
        size=index.size,
        shared_size=index.shared,
        format=index.format,
        output=None if index.output is None else str(index.output),
        pushed=tuple(map(push_document, index.transfers)),
        loaded=index.loaded,
        images=tuple(map(built_document, index.images)),
    )


def push_document(pushed: PushedImage) -> images.Push:
    """What a push had to move."""
    return images.Push(pushed.names, pushed.sent, pushed.size, pushed.layers, pushed.layers_there)


def planned_document(plan: Plan, *, files: bool = False, lines: bool = False) -> plans.PlanDocument:
    """What is planned; with every file that is left out, and every line of scripts that was not understood."""
    a_year = plan.updates_per_year_seconds
    layers = (
        plans.PlannedLayer(layer.nar_size, layer.paths, layer.reason, layer.pulls_per_year, layer.customized)
        for layer in plan.layers
    )
    unread = tuple(plans.UnreadScriptLine(one.package, one.script, one.line, one.text, one.why) for one in plan.unread)
    return plans.PlanDocument(
        names=plan.names,
        platform=plan.platform,
        created=_time(plan.created),
        unpacked_size=plan.nar_size,
        max_layers=plan.max_layers,
        layer_count=plan.layer_count,
        layers=tuple(layers),
        customization=plans.Customization(plan.customization_entries, plan.customization_size),
        store=_store(plan),
        system=plan.system or None,
        seconds=plans.Waits(round(plan.first_pull_seconds, 1), None if a_year is None else round(a_year, 1)),
        updates=plans.Updates(
            plan.updates_per_year, plan.update_size, dict(plan.update_sizes_by_rule), plan.update_steps
        ),
        left_out=_left_out(plan, every=files),
        unread_scripts=plans.UnreadScripts(len(unread), unread if lines else None),
    )


def _left_out(plan: Plan, *, every: bool) -> plans.LeftOut:
    kinds = dict.fromkeys(sorted({file.what for file in plan.left_out}), 0)
    for file in plan.left_out:
        kinds[file.what] += file.size
    files = tuple(plans.LeftOutFile(file.item, file.path, file.what, file.size) for file in plan.left_out)
    return plans.LeftOut(len(files), sum(kinds.values()), kinds, files if every else None)


def _store(plan: Plan) -> images.Store:
    return images.Store(plan.store_kind, plan.store_directory, plan.items)


def _time(seconds: int) -> str:
    from sysimage.image.config import rfc3339

    return rfc3339(seconds)


def locked_document(
    locked: LockedPackages, changes: Iterable[PackageChange] | None, inputs: Iterable[InputChange] | None = None
) -> packages.LockDocument:
    """What was locked, and how it differs from what was locked before."""
    return packages.LockDocument(
        lock_file=None if locked.lock_file is None else str(locked.lock_file),
        size=locked.size,
        packages=tuple(
            packages.LockedPackage(one.name, one.version, one.architecture, one.size, str(one.digest))
            for one in locked.packages
        ),
        changes=None if changes is None else _package_changes(changes),
        input_changes=None if inputs is None else tuple(map(_input_change, inputs)),
    )


_INPUT_KINDS: Mapping[str, Literal["tree", "wheel", "npm-package", "jar"]] = {
    "trees": "tree",
    "python": "wheel",
    "node": "npm-package",
    "java": "jar",
}


def _input_change(change: InputChange) -> packages.InputChange:
    return packages.InputChange(_INPUT_KINDS[change.kind], change.name, change.old, change.new)


def _package_changes(found: Iterable[PackageChange]) -> tuple[packages.PackageChange, ...]:
    return tuple(packages.PackageChange(one.name, one.change, one.old, one.new, one.source, one.fixes) for one in found)


def _verified(image: VerifiedImage) -> images.VerifyDocument:
    store = image.store_kind and images.Store(image.store_kind, image.store_directory, image.items)
    return images.VerifyDocument(
        names=image.names,
        platform=image.platform,
        digest=None if image.digest is None else str(image.digest),
        image_id=str(image.image_id),
        unpacked_size=image.size,
        file_count=image.files,
        directory_count=image.directories,
        symlink_count=image.symlinks,
        store=store or None,
        notes=issues_of(image.notes),
        layers=tuple(
            images.VerifiedLayer(
                digest=None if layer.digest is None else str(layer.digest),
                diff_id=str(layer.diff_id),
                size=layer.size,
                unpacked_size=layer.uncompressed_size,
                entry_count=layer.entries,
                item_count=layer.items,
                comment=layer.comment,
            )
            for layer in image.layers
        ),
    )


def _inspected(summary: ImageSummary) -> images.InspectDocument:
    from sysimage.pipeline.history import ANNOTATION

    runtime = summary.config.runtime
    store = summary.store_kind and images.Store(summary.store_kind, summary.store_directory, summary.items)
    return images.InspectDocument(
        names=summary.names,
        platform=summary.config.platform,
        digest=None if summary.digest is None else str(summary.digest),
        image_id=str(summary.image_id),
        created=summary.config.created,
        size=summary.size,
        store=store or None,
        config=images.ImageConfig(
            entry_point=runtime.entry_point,
            command=runtime.command,
            environment=runtime.environment,
            working_directory=runtime.working_directory,
            user=runtime.user,
            labels=dict(summary.config.labels),
            exposed_ports=runtime.exposed_ports,
            volumes=runtime.volumes,
            stop_signal=runtime.stop_signal,
        ),
        annotations={key: text for key, text in summary.annotations.items() if key != ANNOTATION},
        record=_record(summary.annotations),
        layers=tuple(
            images.InspectedLayer(
                digest=None if layer.digest is None else str(layer.digest),
                diff_id=str(layer.diff_id),
                size=layer.size,
                media_type=layer.media_type,
                created_by=layer.created_by,
                comment=layer.comment,
                annotations=dict(layer.annotations),
            )
            for layer in summary.layers
        ),
        issues=issues_of(summary.faults),
    )


def _record(annotations: Mapping[str, str]) -> dict[str, Any] | None:
    """The record of a build as a value; None without one that can be read."""
    from sysimage.pipeline.history import record_value

    try:
        return record_value(annotations)
    except IntegrityError:
        return None


def _difference(found: Difference) -> packages.DiffDocument:
    settings, files, layers = found.configuration, found.files, found.layers
    return packages.DiffDocument(
        old=found.old,
        new=found.new,
        packages=_package_changes(found.packages),
        configuration=None
        if settings is None
        else tuple(packages.SettingChange(one.name, one.old, one.new) for one in settings),
        files=None
        if files is None
        else tuple(packages.FileChange(one.path, one.change, one.what, one.owner) for one in files),
        pull=None
        if layers is None
        else packages.Pull(
            size=layers.pulled_size,
            layers=tuple(packages.PulledLayer(one.digest, one.size, one.holds) for one in layers.pulled),
            image_size=layers.total_size,
            layer_count=layers.total,
            kept_layer_count=layers.kept,
        ),
    )

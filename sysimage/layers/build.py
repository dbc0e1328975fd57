"""Layer sources become layer blobs: layers that the cache has are taken from it, the others are built on all cores."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence

from sysimage.blobs import BlobDirectory
from sysimage.errors import IntegrityError
from sysimage.files.temporary import swept_after_error
from sysimage.layers.blob import LayerBlob, LayerChecks, layer_sink, write_layer
from sysimage.layers.cache import LayerCache, layer_key
from sysimage.layers.compression import Compression
from sysimage.layers.item_checks import Check
from sysimage.layers.prefetch import prefetching
from sysimage.layers.source import LayerSource
from sysimage.layers.tar import BrokenPromiseError
from sysimage.progress import Progress, silent
from sysimage.workers import Report, Task, biggest_first, run_tasks

STAGE = "layers"


def build_layers(
    sources: Sequence[LayerSource],
    into: BlobDirectory | LayerCache,
    *,
    compression: Compression,
    workers: int = 1,
    check: Check | None = None,
    progress: Progress = silent,
) -> tuple[LayerBlob, ...]:
    """Build a blob for each source, in the order given; the blobs are in ``into`` (or its ``blobs``), durably.

    With a `LayerCache`, layers it knows are not read again. ``workers`` is the number of processes that read and
    compress; the result does not depend on it. ``check`` proves what the store says about the items; a known layer
    that was built without this check is built again. One `BrokenPromiseError` names all items that fail it. Other
    errors as in `sysimage.layers.blob.write_layer`.
    """
    cache = into if isinstance(into, LayerCache) else None
    blobs = into.blobs if isinstance(into, LayerCache) else into
    keys = [layer_key(source, compression) for source in sources] if cache else []
    known: dict[int, LayerBlob] = {}
    weights = [source.weight for source in sources]
    report = Reporter(progress, sum(weights))
    blobs.sweep()
    with cache.in_use() if cache else contextlib.nullcontext():
        # Which references are right depends on what else is in the image, so no record can contain them.
        if cache and (check is None or check.candidates is None):
            for number, source in enumerate(sources):
                if (blob := cache.find(keys[number], source.label, checked=check is not None)) is not None:
                    known[number] = blob
                    report(weights[number])
        order = biggest_first(weights, (number for number in range(len(sources)) if number not in known))
        checks = LayerChecks(check)
        threads = max(1, workers // max(1, len(order)))

        def work(number: int, moved: Report) -> LayerBlob:
            with blobs.writer() as writer:
                with layer_sink(compression, writer.write) as sink:
                    blob = write_layer(sources[number], compression, sink, checks, moved=moved, threads=threads)
                writer.commit(blob.descriptor.digest)
            if cache:
                if layer_key(sources[number], compression) != keys[number]:
                    raise IntegrityError(
                        f"cannot build the layer {sources[number].label!r}: a file changed while it was read",
                        hint="build again when nothing writes to the spec's files",
                    )
                cache.remember(keys[number], blob, sources[number], checked=check is not None)
            return blob

        with swept_after_error(into.sweep), prefetching([sources[number] for number in order]):
            built = run_layer_tasks(order, work, workers, report, lambda number: sources[number].label)
    report.finish()
    return tuple(known.get(number) or built[number] for number in range(len(sources)))


def run_layer_tasks(
    tasks: Iterable[Task],
    work: Callable[[Task, Report], LayerBlob],
    workers: int,
    report: Report,
    name: Callable[[Task], str],
) -> dict[Task, LayerBlob]:
    """`run_tasks`, but a broken promise ends only its own layer: all of them are reported together at the end.

    ``name`` says which layer a task is.
    """

    def kept(task: Task, moved: Report) -> LayerBlob | BrokenPromiseError:
        try:
            return work(task, moved)
        except BrokenPromiseError as error:
            return error

    results = run_tasks(tasks, kept, workers, report, what="build the layers", name=name)
    issues = [issue for one in results.values() if isinstance(one, BrokenPromiseError) for issue in one.issues]
    if issues:
        raise BrokenPromiseError.of(sorted(issues, key=str))
    return {task: one for task, one in results.items() if isinstance(one, LayerBlob)}


class Reporter:
    """Adds up what workers moved. The total is an estimate from NAR sizes: the sum stays below it until the end."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0
        if total:
            progress(STAGE, 0, total, unit="bytes")

    def __call__(self, moved: int) -> None:
        self._done += moved
        self._progress(STAGE, min(self._done, self._total), self._total, unit="bytes")

    def finish(self) -> None:
        """Everything is done."""
        self._progress(STAGE, self._total, self._total, unit="bytes")

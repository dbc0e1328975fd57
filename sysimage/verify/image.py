"""Verifying a whole image, and the value that says what was verified."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, Issue, MachineError
from sysimage.progress import Progress, silent
from sysimage.rules.paths import Parts
from sysimage.verify.captured_files import is_captured
from sysimage.verify.image_source import ImagePlace, ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.layer import Count, LayerReading, Reading, newest_build, read_layer
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.manifest import ImageDocuments
from sysimage.verify.open import open_source
from sysimage.verify.packages import check_packages
from sysimage.verify.read_documents import read_documents
from sysimage.verify.small_files import files_behind
from sysimage.verify.store import StoreFacts, check_store
from sysimage.verify.system import ACCOUNTS, check_system
from sysimage.verify.tar import MemberKind
from sysimage.verify.tree import FileTree
from sysimage.workers import threads

STAGE = "verify"
_THREADS = 2


@dataclass(frozen=True, slots=True)
class VerifiedLayer:
    """One layer whose bytes are what the image's documents say."""

    digest: Digest | None
    """Of the blob; a docker-archive does not say it."""
    diff_id: Digest
    size: int
    """Bytes of the blob."""
    uncompressed_size: int
    """Bytes."""
    entries: int
    items: int
    """Store items of which it holds files."""
    comment: str
    """What its history entry says it holds."""


@dataclass(frozen=True, slots=True)
class VerifiedImage:
    """What is true of an image, recomputed from its bytes."""

    name: str
    """Repository name; empty when the image carries none."""
    names: tuple[str, ...]
    """Full names, such as ``base:latest``."""
    digest: Digest | None
    """Of the manifest; a docker-archive has none."""
    image_id: Digest
    """Of the config."""
    platform: str
    """``linux/amd64``."""
    layers: tuple[VerifiedLayer, ...]
    """Bottom first."""
    items: int
    """Store items registered in the image's database."""
    files: int
    """Regular files of the flattened tree."""
    directories: int
    symlinks: int
    size: int
    """Bytes of all regular files together."""
    store_kind: str | None
    """``guix`` or ``nix``; None when there is no store database."""
    store_directory: str | None
    notes: tuple[Issue, ...] = ()
    """What engines take and a careful writer avoids."""


def verify_image(
    path: Path | ImagePlace,
    progress: Progress = silent,
    *,
    platform: str | None = None,
    name: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
) -> VerifiedImage:
    """Read an image (archive or OCI layout directory) whole and recompute everything that it says about itself.

    ``platform`` (``os/architecture``) and ``name`` choose where there are several. All faults of one reading are in the
    `IntegrityError`'s issues, each naming both sides; a file that cannot be read is a `MachineError`.
    """
    faults = IssueCollector(limits.faults_per_rule)
    with _reported(path, faults), open_source(path, limits) as source:
        documents = read_documents(source, faults, limits, platform, name)
        readings = _read_layers(source, documents, faults, limits, progress)
        tree = FileTree(faults)
        store = None
        if not any(reading.broken for reading in readings):
            own = newest_build(documents.layers)
            for reading in readings:
                tree.apply(
                    reading.document.number,
                    reading.members,
                    ours=reading.document.number in own,
                    programs=reading.programs,
                )
            store = check_store(tree, readings, source, faults, limits)
            check_packages(tree, readings, faults)
            check_system(
                tree,
                documents.config,
                store,
                files_behind(ACCOUNTS.values(), tree, readings, source, limits),
                own,
                faults,
                has_base=len(own) < len(documents.layers),
            )
        if not faults:
            return replace(_verified(documents, readings, tree, store), notes=faults.notes)
    raise _error(path, faults.issues)


@contextmanager
def _reported(path: Path | ImagePlace, faults: IssueCollector) -> Iterator[None]:
    """What ends the reading early becomes the last issue."""
    try:
        yield
    except MalformedError as error:
        raise _error(path, (*faults.issues, Issue("image", str(error)))) from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from error


def _error(path: Path | ImagePlace, issues: tuple[Issue, ...]) -> IntegrityError:
    number = "1 fault" if len(issues) == 1 else f"{len(issues)} faults"
    return IntegrityError(f"cannot verify {path}: {number}", issues=issues)


def _read_layers(
    source: ImageSource, documents: ImageDocuments, faults: IssueCollector, limits: Limits, progress: Progress
) -> list[LayerReading]:
    orphans = _orphans(source, documents)
    total = sum(filter(None, map(source.size, {*orphans, *(layer.file for layer in documents.layers)})))
    count = _counter(progress, total)
    reading = Reading.within(limits, source, faults, is_captured, count)
    with threads(_THREADS, "verify") as pool:
        readings = list(pool.map(lambda layer: read_layer(layer, reading), documents.layers))
    for name in orphans:
        _check_orphan(source, name, faults, count)
    return readings


def _orphans(source: ImageSource, documents: ImageDocuments) -> list[str]:
    """Blobs of an archive that the image does not name; in a directory they may belong to another image."""
    if not source.complete:
        return []
    named = {layer.file for layer in documents.layers} | {f"blobs/sha256/{documents.image_id.hex}"}
    return [name for name in source.names() if name.startswith("blobs/") and name not in named]


def _check_orphan(source: ImageSource, name: str, faults: IssueCollector, count: Count) -> None:
    found = hashlib.sha256()
    for chunk in source.chunks(name):
        found.update(chunk)
        count(len(chunk))
    if name != f"blobs/sha256/{found.hexdigest()}":
        faults.add("digest", name, f"has the digest sha256:{found.hexdigest()}")


def _counter(progress: Progress, total: int) -> Count:
    lock = Lock()
    done = 0

    def count(amount: int) -> None:
        nonlocal done
        with lock:
            done += amount
            progress(STAGE, min(done, total), total, unit="bytes")

    return count


def _verified(
    documents: ImageDocuments, readings: list[LayerReading], tree: FileTree, store: StoreFacts | None
) -> VerifiedImage:
    kinds = dict.fromkeys(MemberKind, 0)
    size = 0
    seen: set[tuple[int, Parts]] = set()
    for _, node in tree.walk():
        if node.kind is MemberKind.FILE:
            if (node.layer, node.content_at) in seen:
                continue  # another name of a file
            seen.add((node.layer, node.content_at))
        kinds[node.kind] += 1
        size += node.size
    layers = tuple(
        VerifiedLayer(
            reading.document.digest,
            reading.document.diff_id,
            reading.document.size,
            reading.size,
            len(reading.members),
            len(reading.items),
            reading.document.comment,
        )
        for reading in readings
    )
    return VerifiedImage(
        name=documents.tags[0].rpartition(":")[0] if documents.tags else "",
        names=documents.tags,
        digest=documents.digest,
        image_id=documents.image_id,
        platform=documents.config.platform,
        layers=layers,
        items=len(store.items) if store else 0,
        files=kinds[MemberKind.FILE],
        directories=kinds[MemberKind.DIRECTORY],
        symlinks=kinds[MemberKind.SYMLINK],
        size=size,
        store_kind=store.kind if store else None,
        store_directory=store.directory if store else None,
    )

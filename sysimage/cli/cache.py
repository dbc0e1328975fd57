"""``sysimage cache``: what is kept between builds, and how much of it."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import flag_values, flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import IntegrityError, Issue
from sysimage.files.user_cache import cache_directory
from sysimage.notices import listen_to_notices

if TYPE_CHECKING:
    from sysimage.documents import cache
    from sysimage.layers import LayerCache

NAME = "cache"
HELP = "show what is kept between builds, prove it, or make it smaller"
DESCRIPTION = """\
Show what the cache holds (list, the default; --layers names every layer), or forget what was not used for the longest
time (prune): systems, the store's items that no other system has, package files, and layers; or read every byte of it
(verify), which ends with 4 where something is damaged, and with --repair forgets that. Everything in the cache is made
or fetched again when it is needed and missing. Nothing is pruned while something is being built."""
EXAMPLES = (
    ("sysimage cache", "what is kept, and how much"),
    ("sysimage cache prune --max-bytes 5G", "make it smaller"),
)
ACTIONS = ("list", "prune", "verify")
_UNUSED_DAYS = 30
_DAY = 24 * 60 * 60 * 10**9
"""Nanoseconds."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", nargs="?", choices=ACTIONS, default="list", help="list (the default), prune or verify"
    )
    parser.add_argument("--cache-dir", metavar="DIR", type=Path, help="which cache, instead of the user's own")
    parser.add_argument("--layers", action="store_true", help="list every layer, the one used longest ago first")
    parser.add_argument(
        "--max-bytes",
        metavar="BYTES",
        type=flag_values.byte_count,
        default=flags.CACHE_SIZE,
        help="prune: how much layers may take afterwards, such as 5G, or 0 for none (20G)",
    )
    parser.add_argument(
        "--unused-days",
        metavar="DAYS",
        type=flag_values.whole_number,
        default=_UNUSED_DAYS,
        help=f"prune: for how long no build may have used what else is forgotten, or 0 for everything ({_UNUSED_DAYS})",
    )
    parser.add_argument(
        "--repair", action="store_true", help="verify: forget what is damaged, so that it is made or fetched again"
    )
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.layers import LayerCache

    root = cache_directory(arguments.cache_dir, terminal.environ)
    layers = LayerCache(root / "layers")
    if arguments.action == "prune":
        freed, busy = _prune(root, layers, arguments)
        kept = [measured(root, part) for part in CACHE_PARTS]
        if arguments.json:
            from sysimage.documents.cache import CachePruneDocument

            terminal.document(CachePruneDocument(str(root), freed, busy, _documents(kept)))
        else:
            stays = "; what a build uses meanwhile stays" if busy else ""
            size = sum(part.size for part in kept)
            terminal.result(f"{root}: {in_bytes(freed)} freed, {in_bytes(size)} kept{stays}")
        return
    if arguments.action == "verify":
        _verify(root, arguments, terminal)
        return
    if arguments.layers:
        _list_layers(layers, terminal, as_json=arguments.json)
        return
    parts = [measured(root, part) for part in CACHE_PARTS]
    if arguments.json:
        from sysimage.documents.cache import CacheDocument

        terminal.document(CacheDocument(str(root), _documents(parts)))
        return
    rows = [(part.name, in_bytes(part.size), str(part.files), part.holds) for part in parts]
    terminal.table(("part", "size", "files", "holds"), rows, right=(1, 2))
    terminal.result(f"{root}: {in_bytes(sum(part.size for part in parts))}")


def _verify(root: Path, arguments: argparse.Namespace, terminal: Terminal) -> None:
    """Read everything; an `IntegrityError` names what is damaged, unless that is forgotten."""
    from sysimage.files.locks import in_use
    from sysimage.pipeline.cache_check import ExaminedCache, examine_cache

    examined: list[ExaminedCache] = []
    if root.is_dir():
        # What notices say is in the result.
        with in_use(root), shown_progress("auto", terminal) as progress, listen_to_notices(lambda text: None):
            examined += examine_cache(root, progress)
            damaged = [one for part in examined for one in part.damage]
            if arguments.repair:
                for one in damaged:
                    one.drop()
    issues = [Issue(part.part, f"{one.place} is damaged") for part in examined for one in part.damage]
    count = sum(part.count for part in examined)
    if issues and not arguments.repair:
        raise IntegrityError(
            f"cannot trust the cache {root}: {len(issues)} of {count} things in it are damaged",
            hint="sysimage cache verify --repair forgets them, and what needs them makes them again",
            issues=issues,
        )
    if arguments.json:
        from sysimage.documents.cache import CacheVerifyDocument, CheckedPart

        parts = tuple(CheckedPart(part.part, part.count, len(part.damage)) for part in examined)
        repaired = tuple(str(one.place) for part in examined for one in part.damage)
        terminal.document(CacheVerifyDocument(str(root), parts, repaired))
        return
    for issue in issues:
        terminal.note(f"{issue}: forgotten")
    told = f"{len(issues)} were damaged and are made or fetched again when they are needed" if issues else "all right"
    terminal.result(f"{root}: {count} things read, {told}")


def _prune(root: Path, layers: LayerCache, arguments: argparse.Namespace) -> tuple[int, bool]:
    """The bytes freed, and whether a build uses the cache."""
    from sysimage.files.locks import alone
    from sysimage.language_packages.fetched_files import FetchedFiles
    from sysimage.pipeline.base_images import prune_base_images
    from sysimage.wheels.fetch import prune_wheels
    from sysimage_bootstrap.cache_prune import prune

    if not root.is_dir():
        return 0, False
    with alone(root) as nobody_else:
        if not nobody_else:
            return 0, True
        before = time.time_ns() - arguments.unused_days * _DAY
        freed = prune(root, before) + prune_base_images(root, before) + prune_wheels(root / "wheels", before)
        freed += FetchedFiles(root / "npm").prune(before)
        return freed + layers.prune(arguments.max_bytes), False


@dataclass(frozen=True, slots=True)
class CachePart:
    """A part of the cache."""

    name: str
    holds: str
    files: int = 0
    size: int = 0
    """Bytes on the disk; what has several names counts once."""


CACHE_PARTS = (
    CachePart("layers", "layers that were built; builds keep at most --cache-size of them"),
    CachePart("archive", "packages as they were fetched, and package lists"),
    CachePart("store", "the items of packages and systems"),
    CachePart("systems", "what the last systems came to, by all that they follow from"),
    CachePart("measured", "what was read of stores without a database"),
    CachePart("plans", "layer boundaries of the last closures"),
    CachePart("base-images", "blobs of base images that came from registries"),
    CachePart("vm", "guests of the test machine and what they booted"),
)


def measured(root: Path, part: CachePart) -> CachePart:
    """The part with its files counted."""
    seen: set[tuple[int, int]] = set()
    size = 0
    for folder, _, names in os.walk(root / part.name):
        for name in names:
            try:
                status = os.lstat(os.path.join(folder, name))  # noqa: PTH118 (a store has a hundred thousand files)
            except FileNotFoundError:
                continue
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                size += status.st_blocks * 512
    return CachePart(part.name, part.holds, len(seen), size)


def _documents(parts: Iterable[CachePart]) -> tuple[cache.CachePart, ...]:
    from sysimage.documents import cache

    return tuple(cache.CachePart(part.name, part.size, part.files) for part in parts)


def _list_layers(layers: LayerCache, terminal: Terminal, *, as_json: bool) -> None:
    found = list(layers.layers())
    if as_json:
        from sysimage.documents.cache import CachedLayer, CacheLayersDocument

        documents = (
            CachedLayer(
                key=one.key,
                digest=str(one.blob.descriptor.digest),
                diff_id=str(one.blob.diff_id),
                media_type=one.blob.descriptor.media_type,
                size=one.blob.descriptor.size,
                comment=one.blob.label,
                contents=one.contents,
            )
            for one in found
        )
        terminal.document(CacheLayersDocument(tuple(documents)))
        return
    rows = [(in_bytes(one.blob.descriptor.size), str(one.blob.descriptor.digest)[:19], one.blob.label) for one in found]
    terminal.table(("size", "digest", "holds"), rows, right=(0,))

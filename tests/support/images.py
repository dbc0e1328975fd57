"""Images of the tiny store, made by the rooms that make real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.blobs import BlobDirectory
from sysimage.closure import Closure
from sysimage.destinations.archive import write_archive
from sysimage.destinations.layout import write_oci_layout
from sysimage.image import Image, ImageConfig, ImageName, make_image
from sysimage.layerplan import plan_by
from sysimage.layers import Compression, LayerSource, build_layers
from sysimage.rootfs.tree import Entry, Kind, RootTree
from sysimage.store.database import Schema, store_database
from tests.support.listing import listing_of_tree
from tests.support.store_builder import StoreBuilder, small_system

NAMES = (ImageName("small", "1.0"),)
_STATE = {Schema.GUIX: "/var/guix", Schema.NIX: "/nix/var/nix"}
STORE_DIR = {Schema.GUIX: "/gnu/store", Schema.NIX: "/nix/store"}


@dataclass(frozen=True)
class BuiltImage:
    """An image and everything it was made of."""

    image: Image
    blobs: BlobDirectory
    tree: RootTree
    closure: Closure
    sources: tuple[LayerSource, ...]

    def archive(self, path: Path, archive_format: str = "archive") -> Path:
        write_archive(self.image, [self.blobs], path, archive_format=archive_format, names=NAMES)
        return path

    def layout(self, path: Path) -> Path:
        write_oci_layout(self.image, [self.blobs], path, names=NAMES)
        return path

    def listing(self) -> str:
        return listing_of_tree(self.tree, self.closure)


def customization(closure: Closure, schema: Schema, *, database: bytes | None = None) -> list[Entry]:
    """What a system needs besides its store, as a system image has it."""
    state = _STATE[schema]
    system = str(closure.roots[0])
    by_name = {item.path.name: str(item.path) for item in closure}
    entries = [
        Entry.directory(STORE_DIR[schema], 0o1775),
        Entry.directory("/tmp", 0o1777),
        Entry.directory("/var/empty", 0o555),
        Entry.directory("/home/alice", 0o700, 1000, 1000),
        Entry.file("/etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n"),
        Entry.file("/etc/group", b"root:x:0:\nalice:x:1000:\n"),
        Entry.file("/etc/shadow", b"root:!:1::::::\n", 0o640, 0, 42),
        Entry.file("/usr/bin/privileged", b"\x7fELF", 0o4755),
        Entry.file("/home/alice/.profile", b"", 0o600, 1000, 1000),
        Entry.symlink("/bin/sh", by_name["bash-5.2"] + "/bin/sh"),
        Entry.symlink("/sbin/init", system + "/boot"),
        Entry.symlink(f"{state}/gcroots/current-system", "/run/current-system"),
        Entry.symlink(f"{state}/gcroots/profiles", f"{state}/profiles"),
        Entry.symlink(f"{state}/profiles/system", "system-1-link"),
        Entry.symlink(f"{state}/profiles/system-1-link", system),
        Entry.file(f"{state}/db/db.sqlite", database or store_database(closure, schema)),
    ]
    if schema is Schema.NIX:
        entries.append(Entry.file(f"{state}/db/schema", b"10"))
    return entries


def build_image(
    workspace: Path,
    *,
    schema: Schema = Schema.GUIX,
    compression: str = "gzip",
    max_layers: int = 5,
    workers: int = 1,
    closure: Closure | None = None,
    entries: Sequence[Entry] | None = None,
    reverse: bool = False,
    config: ImageConfig | None = None,
) -> BuiltImage:
    """Build the tiny system, or what is given instead of its parts, below ``workspace``."""
    if closure is None:
        closure = small_system(StoreBuilder(workspace / "store", STORE_DIR[schema], reverse=reverse))
    tree = RootTree(customization(closure, schema) if entries is None else entries)
    plan = plan_by("guix-size", closure, max_layers)  # as many as asked for, however small
    parents = tuple(entry for entry in tree if entry.kind is Kind.DIRECTORY)
    sources = [
        LayerSource(
            ", ".join(path.name for path in layer.paths), tuple(closure[path] for path in layer.paths), (), parents
        )
        for layer in plan.layers
    ]
    if max_layers == 1:
        (only,) = sources
        sources = [LayerSource("everything", only.items, tuple(tree))]
    else:
        sources.append(LayerSource("customization", (), tuple(tree)))
    blobs = BlobDirectory(workspace / "blobs")
    layers = build_layers(sources, blobs, compression=Compression.parse(compression), workers=workers)
    config = config or ImageConfig(
        "amd64", entrypoint=("/sbin/init", str(closure.roots[0])), env=(("LANG", "C.UTF-8"),)
    )
    return BuiltImage(make_image(config, layers), blobs, tree, closure, tuple(sources))

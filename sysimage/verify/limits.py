"""How large a foreign image can be before it is refused: every bound of this room in one place."""

from __future__ import annotations

from dataclasses import dataclass

from sysimage.rules import limits

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on what one image may ask for. Absolute, because ratios misjudge sparse and repetitive files."""

    document_size: int = limits.DOCUMENT_SIZE
    """Bytes of a manifest, index, config or ``manifest.json``."""
    document_depth: int = 64
    """Nesting of arrays and objects in a document."""
    index_depth: int = 3
    """Indexes inside indexes."""
    archive_members: int = 20_000
    """Members of the outer archive."""
    entries: int = limits.ENTRIES
    """Entries of all layers together."""
    uncompressed_size: int = limits.UNCOMPRESSED_SIZE
    """Bytes of all layers together, decompressed."""
    zstd_window_log: int = 27
    """Binary logarithm of the largest zstd window, bytes: 128 MiB, the most that a plain ``zstd -d`` takes."""
    padding: int = 1 * MIB
    """NUL bytes after the end of an archive."""
    extended_header: int = 1 * MIB
    """Bytes of one pax or GNU long-name header."""
    captured_file: int = limits.STORE_DATABASE
    """Bytes of a file whose content is read into memory: the store database."""
    captured_files: int = 2 * limits.STORE_DATABASE
    """Bytes of all such files in all layers: a base's database, the image's own, and what scanners read."""
    remembered_runs: int = 64 * MIB
    """Bytes that could hold references, kept until the store's hash parts are known; beyond, the item is read again."""
    derivations: int = 64 * MIB
    """Bytes of derivations that are kept while layers are read; what goes beyond is read again."""
    layers: int = limits.MOST_LAYERS
    """Layers of an image that every engine loads."""
    faults_per_rule: int = 20
    """Faults of one kind that are reported one by one."""


DEFAULT_LIMITS = Limits()

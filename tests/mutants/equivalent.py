"""Mutants that do what the code does: no test can notice them, so they are not part of a sample."""

from __future__ import annotations

from tests.mutants.mutations import Mutant

_PIECE = "how long the pieces are in which a blob is read"
_WORKERS = "how many processes do the work: what comes out is the same"
_PIECES = "how long pieces are at most, which are gone on with until all is copied"
EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("bootstrap/sysimage_bootstrap/planning/slim.py", "if not paths:\n        return inventory", "pass"): (
        "a shortcut: what loses nothing is copied as it is"
    ),
    ("sysimage/blobs/directory.py", "if not self.has(descriptor):\n            return False", "pass"): (
        "a shortcut: `verify` refuses a missing blob and one of another size as well"
    ),
    ("sysimage/blobs/directory.py", "-1", "(1)"): "a writer that was left is not used again",
    (
        "sysimage/blobs/directory.py",
        "1",
        "(2)",
    ): "how long pieces are, and how much is read past what should be the end",
    ("sysimage/closure/measures.py", "4096", "(4097)"): "how many items are counted at a time; all are",
    ("sysimage/closure/measures.py", "1", "(2)"): "a bit set is counted, and each item has its own bit either way",
    ("sysimage/files/codec.py", "4096", "(4097)"): "how many texts are remembered with what they were read as",
    ("sysimage/files/codec.py", "if convert is _same:\n        return listed, kind", "pass"): "a shortcut",
    ("sysimage/compare/read_image.py", "2", "(3)"): "how many layers are read at once",
    ("sysimage/destinations/verified_blobs.py", "if stopped.is_set():\n                break", "pass"): (
        "a shortcut: what is left of a blob that no caller waits for is not read"
    ),
    ("sysimage/layerplan/lineage.py", "if not left:\n                    break", "pass"): "a shortcut",
    ("sysimage/layerplan/order.py", "6", "(7)"): "a bound of time: none of 66 000 stacks moved a seventh time",
    ("sysimage/layerplan/order.py", "if before == [id(draft) for draft in order]:\n            break", "pass"): (
        "a shortcut: where nothing moved nothing will"
    ),
    ("sysimage/layerplan/refine.py", "if not moved:\n            break", "pass"): "the same shortcut",
    ("sysimage/layerplan/refine.py", "alone < lowest", "(alone <= lowest)"): (
        "a millionth less than what is saved is no number of bytes and possibilities"
    ),
    ("sysimage/layers/compression.py", "256", "(257)"): "how much zstd is given at a time, which is all the same to it",
    ("sysimage/layers/compression.py", "_idle[self._level].append(self._context)", "pass"): (
        "a shortcut: a state that was not kept is made again"
    ),
    ("sysimage/layers/headers.py", "4096", "(4097)"): "a bound of memory: one entry more changes no byte",
    ("sysimage/layers/blob.py", "True", "(False)"): "which thread makes the digest of a compressed layer",
    ("sysimage/layers/headers.py", "self._tails.clear()", "pass"): "a bound of memory: what is kept stays right",
    ("sysimage/destinations/verified_blobs.py", "stopped.set()", "pass"): "the same shortcut",
    ("sysimage/layers/headers.py", "len(self._tails) >= _MOST_TAILS", "(len(self._tails) > _MOST_TAILS)"): (
        "a bound of memory: one entry more changes no byte"
    ),
    ("sysimage/pipeline/image_plan.py", "1", "(2)"): _WORKERS,
    ("sysimage/pipeline/options.py", "1", "(2)"): _WORKERS,
    ("sysimage/pipeline/registry_image.py", "4", "(5)"): "how many blobs are fetched at once",
    ("sysimage/pipeline/registry_image.py", "1", "(2)"): _PIECE,
    ("sysimage/pipeline/registry_image.py", "20", "(21)"): _PIECE,
    ("sysimage/pipeline/replaced_image.py", "1", "(2)"): "how many faults of a kind are kept; none is looked at",
    ("sysimage/preflight/documents.py", "10", "(11)"): "the largest layer there may be; it has as many digits",
    ("sysimage/store/scan.py", "16", "(17)"): _PIECES,
    ("sysimage/store/scan.py", "end - _CARRY", "(end + _CARRY)"): (
        "windows with other bytes in them are looked up too, and no hash part has such bytes"
    ),
    ("sysimage/trees/selection.py", "if not self.exclude:\n            return False", "pass"): (
        "a shortcut: no pattern matches where there is none"
    ),
    ("sysimage/streams/copying.py", "20", "(21)"): _PIECES,
    ("sysimage/streams/copying.py", "30", "(31)"): _PIECES,
    ("sysimage/streams/copying.py", "1", "(2)"): _PIECES,
    ("sysimage/verify/chunk_stream.py", "end <= len(self._chunk)", "(end < len(self._chunk))"): (
        "a shortcut: pieces are put together from as many chunks as it takes, one too"
    ),
    ("sysimage/verify/image.py", "2", "(3)"): "how many layers are read at once",
    (
        "sysimage/verify/image_source.py",
        "target <= self._before + len(self._chunk)",
        "(target < self._before + len(self._chunk))",
    ): "the end of what is in memory is where the next bytes are read from either way",
    ("sysimage/verify/tar.py", "9", "(10)"): "a length of nine digits is refused as one beyond its header",
}
"""Module, what is changed, and into what → why nothing changes."""


def is_equivalent(module: str, mutant: Mutant) -> bool:
    return (module, mutant.before, mutant.after) in EQUIVALENT

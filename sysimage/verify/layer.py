"""One layer, read once: blob digest, diff ID, entries, NAR hashes and possible references of the store items in it."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sysimage.digest import Digest
from sysimage.rules.paths import Parts
from sysimage.rules.programs import Program
from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.compression import CompressionFormat, decompressed, sniff
from sysimage.verify.image_source import ImageSource
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.layer_rules import LayerRules
from sysimage.verify.limits import Limits
from sysimage.verify.manifest import LayerDocument
from sysimage.verify.nar import NarStream
from sysimage.verify.program_reader import ProgramReader
from sysimage.verify.references import Budget, RunCollector
from sysimage.verify.tar import MemberKind, TarMember, read_members
from sysimage.verify.tree import USR, item_of

Count = Callable[[int], None]
ITEM_MODES = (0o444, 0o555)
"""Modes of files in items."""


@dataclass(slots=True)
class ItemReading:
    """What one layer holds of one store item."""

    nar: NarStream
    runs: RunCollector
    members: int = 0
    directory: Parts = ()
    """The last directory that came; the item itself at first."""
    top: Parts = (USR,)
    """Where the item shows its files outside of the store, as far as its members show."""
    begun: bool = False
    """Whether a member below the item itself has come."""
    expected: Parts | None = None
    """A file has come by its other name and was taken for this one of the item; a link must say so next."""

    def begin_file(self, member: TarMember, below: Parts) -> None:
        """A file's content follows."""
        self.members += 1
        self.begun = True
        if below:
            self.runs.whole(below[-1])
        self.nar.begin_file(below, bool(member.mode & 0o100), member.size)

    def shows_directory(self, parts: Parts) -> None:
        """A directory outside of the store has come: perhaps the other name of the item's last one."""
        depth = len(parts) - len(self.directory)
        if depth > 0 and parts[depth:] == self.directory and (self.directory or not self.begun):
            self.top = parts[:depth]

    def expects(self, member: TarMember) -> Parts | None:
        """The file of the item that a file outside of the store is likely to be, by what came before and by its
        mode."""
        depth = len(self.top)
        if member.parts[:depth] != self.top:
            return None
        below = member.parts[depth:]
        above = below[:-1]
        is_open = self.directory[: len(above)] == above
        return below if below and is_open and member.mode in ITEM_MODES else None

    def is_expected(self, member: TarMember, below: Parts) -> bool:
        """Whether a member is the link to the file that has just come; where it is not, nothing was hashed in order."""
        expected, self.expected = self.expected, None
        if expected is None:
            return False
        if (
            member.kind is MemberKind.HARD_LINK
            and below == expected
            and member.link == b"/".join((*self.top, *expected))
        ):
            return True
        self.nar.in_order = False
        return False


@dataclass(slots=True)
class LayerReading:
    """The result of reading one layer."""

    document: LayerDocument
    size: int = 0
    """Bytes of the layer, decompressed."""
    members: list[TarMember] = field(default_factory=list)
    items: dict[Parts, ItemReading] = field(default_factory=dict)
    """By image path of the item."""
    captured: dict[Parts, bytes] = field(default_factory=dict)
    programs: dict[Parts, Program] = field(default_factory=dict)
    """What the kernel would read of the layer's executable files, by path."""
    broken: bool = False
    """Whether reading ended early, so that the image's content is unknown."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What all layers of one image are read with."""

    source: ImageSource
    faults: IssueCollector
    limits: Limits
    wanted: Callable[[Parts], bool]
    """Whether the content of a file with a path is kept."""
    entries: Budget
    uncompressed: Budget
    runs: Budget
    captured: Budget
    derivations: Budget
    """Bytes of derivations that are kept; what does not fit is read once more."""
    count: Count
    """Called with the number of bytes of a blob that were just read."""

    @classmethod
    def within(
        cls,
        limits: Limits,
        source: ImageSource,
        faults: IssueCollector,
        wanted: Callable[[Parts], bool],
        count: Count,
    ) -> Reading:
        """With budgets as large as ``limits`` allow all layers together."""
        entries, uncompressed = Budget(limits.entries), Budget(limits.uncompressed_size)
        runs, captured = Budget(limits.remembered_runs), Budget(limits.captured_files)
        derivations = Budget(limits.derivations)
        return cls(source, faults, limits, wanted, entries, uncompressed, runs, captured, derivations, count)


def is_ours(document: LayerDocument) -> bool:
    """Whether sysimage says that it wrote the layer, and so promises more of it."""
    return document.created_by.startswith("sysimage")


def newest_build(documents: Sequence[LayerDocument]) -> frozenset[int]:
    """Numbers of the layers that one run of sysimage put on top: the image's own, without those of a base image.

    An image on a base states the number of the base's layers; in images of older versions, which did not, the creation
    times of the layers show it.
    """
    top = documents[-1:]
    below = re.fullmatch(r"sysimage, on ([0-9]{1,4}) layers", top[0].created_by) if top else None
    if below is not None:
        return frozenset(layer.number for layer in documents[int(below[1]) :] if is_ours(layer))
    own = itertools.takewhile(lambda layer: is_ours(layer) and layer.created == top[0].created, reversed(documents))
    return frozenset(layer.number for layer in own)


def read_layer(document: LayerDocument, reading: Reading) -> LayerReading:
    """Read a layer from end to end. Its faults go to ``reading.faults``; only faults of this machine are raised."""
    result = LayerReading(document)
    where = document.where
    size = reading.source.size(document.file)
    if size is None:
        reading.faults.add("blobs", where, f"{document.file} is missing")
        result.broken = True
        return result
    blob = hashlib.sha256()
    raw = _counted(reading.source.chunks(document.file), blob.update, reading.count)
    diff = hashlib.sha256()
    try:
        raw, compression = _checked_compression(raw, document)
        if document.compression not in (None, compression):
            reading.faults.note("media types", where, _other_compression(document, compression))
        content = decompressed(raw, compression, reading.limits)
        stream = ChunkStream(_bounded(content, diff.update, reading.uncompressed))
        _read_content(stream, result, reading)
        result.size = stream.offset
        if (found := Digest(diff.hexdigest())) != document.diff_id:
            reading.faults.add("diff ID", where, f"its content has the diff ID {found}, the config {document.diff_id}")
    except MalformedError as error:
        reading.faults.add("layers", where, str(error))
        result.broken = True
    for _ in raw:
        pass
    if document.size != size:
        reading.faults.add("digest", where, f"its blob has {size} bytes, the manifest says {document.size}")
    if document.digest is not None and (found := Digest(blob.hexdigest())) != document.digest:
        reading.faults.add("digest", where, f"its blob has the digest {found}, the manifest {document.digest}")
    return result


def layer_content(document: LayerDocument, source: ImageSource, limits: Limits) -> ChunkStream:
    """A layer's content again, for what the first reading could not check."""
    raw = source.chunks(document.file)
    return ChunkStream(decompressed(*_checked_compression(raw, document), limits))


def _counted(chunks: Iterator[bytes], update: Callable[[bytes], object], count: Count) -> Iterator[bytes]:
    for chunk in chunks:
        update(chunk)
        count(len(chunk))
        yield chunk


def _bounded(chunks: Iterator[bytes], update: Callable[[bytes], object], budget: Budget) -> Iterator[bytes]:
    for chunk in chunks:
        if not budget.spend(len(chunk)):
            raise MalformedError("grows beyond what all layers together may have")
        update(chunk)
        yield chunk


def _checked_compression(raw: Iterator[bytes], document: LayerDocument) -> tuple[Iterator[bytes], CompressionFormat]:
    """What comes, and how it is compressed: engines look at the bytes of whatever a media type calls compressed.

    So skopeo may leave a layer plain in a directory of its own, and its media type as it was.
    """
    first = next(raw, b"")
    found = sniff(first)
    if document.compression not in (None, found) and (
        document.compression is CompressionFormat.NONE or is_ours(document)
    ):
        raise MalformedError(_other_compression(document, found))
    return _again(first, raw), found


def _other_compression(document: LayerDocument, found: CompressionFormat) -> str:
    inside = "not compressed" if found is CompressionFormat.NONE else f"{found.value} inside"
    return f"is {inside}, its media type is {document.media_type}"


def _again(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _read_content(stream: ChunkStream, result: LayerReading, reading: Reading) -> None:
    rules = LayerRules(result.document.where, reading.faults, ours=is_ours(result.document))
    current: Parts | None = None
    item: ItemReading | None = None
    for member in read_members(stream, reading.limits, end_required=is_ours(result.document)):
        if not reading.entries.spend(1):
            raise MalformedError(f"brings the image to more than {reading.limits.entries} entries")
        if not reading.uncompressed.spend(member.size - member.stored):
            raise MalformedError("grows beyond what all layers together may have")
        rules.check(member)
        result.members.append(member)
        parts = member.parts
        if item is not None and current is not None and item_of(parts) is None:
            # Between the members of an item are those that it shows outside of the store.
            _read_shown_member(stream, member, result, reading, item)
            continue
        if current is None or parts[: len(current)] != current:
            if item is not None:
                item.is_expected(member, ())
            current = item_of(parts)
            item = None if current is None else result.items.get(current)
            if item is None and current is not None:
                item = result.items[current] = ItemReading(NarStream(), RunCollector(reading.runs))
        if member.kind is MemberKind.FILE:
            _read_file(stream, member, result, reading, None if current is None else parts[len(current) :], item)
        elif current is not None and item is not None:
            _read_item_member(member, parts[len(current) :], item)
    if item is not None and item.expected is not None:
        item.nar.in_order = False


def _read_shown_member(
    stream: ChunkStream, member: TarMember, result: LayerReading, reading: Reading, item: ItemReading
) -> None:
    """A member outside of the store that comes while an item is read: perhaps the content of the item's next file."""
    item.is_expected(member, ())
    if member.kind is MemberKind.DIRECTORY:
        item.shows_directory(member.parts)
    if member.kind is not MemberKind.FILE:
        return
    below = item.expects(member)
    _read_file(stream, member, result, reading, below, item)
    item.expected = below


def _read_file(
    stream: ChunkStream,
    member: TarMember,
    result: LayerReading,
    reading: Reading,
    below: Parts | None,
    item: ItemReading | None,
) -> None:
    """Pass a file's content to all its consumers; without any the caller skips it."""
    wants: list[Callable[[bytes], object]] = []
    captured: list[bytes] | None = None
    program: ProgramReader | None = None
    if member.mode & 0o111:
        program = ProgramReader()
        wants.append(program.put)
    if item is not None and below is not None:
        item.is_expected(member, below)
        item.begin_file(member, below)
        wants += [item.nar.content, item.runs.content]
        if not below and member.parts[-1].endswith(b".drv") and reading.derivations.spend(member.size):
            captured = []
            wants.append(captured.append)
    if captured is None and reading.wanted(member.parts):
        if member.size > reading.limits.captured_file or not reading.captured.spend(member.size):
            raise MalformedError(f"has {member.name} with {member.size} bytes, more than the limit")
        captured = []
        wants.append(captured.append)
    if wants:
        for piece in member.content(stream):
            for want in wants:
                want(piece)
    if program is not None:
        result.programs[member.parts] = program.program()
    if item is not None and below is not None:
        item.runs.end_file()
        item.nar.end_file(below, member.size)
    if captured is not None:
        result.captured[member.parts] = b"".join(captured)


def _read_item_member(member: TarMember, below: Parts, item: ItemReading) -> None:
    if item.is_expected(member, below):
        return  # it has been read by its other name, and counted
    item.members += 1
    item.begun = item.begun or bool(below)
    nar, runs = item.nar, item.runs
    if below:
        runs.whole(below[-1])
    match member.kind:
        case MemberKind.DIRECTORY:
            nar.directory(below)
            item.directory = below
        case MemberKind.SYMLINK:
            runs.whole(member.link)
            nar.symlink(below, member.link)
        case _:
            nar.in_order = False

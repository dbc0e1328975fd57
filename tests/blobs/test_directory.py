"""A directory of blobs: whole, verified, and unharmed by processes that die while writing."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest

from sysimage.blobs import BlobDirectory, Descriptor
from sysimage.blobs.directory import verified
from sysimage.blobs.file_fingerprint import FileFingerprint
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError
from tests.support.refusing import refuse

DATA = bytes(range(256)) * 10


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path)


def files(blobs: BlobDirectory) -> list[str]:
    return sorted(path.name for path in blobs.root.rglob("*") if path.is_file())


def test_what_was_put_is_read(blobs: BlobDirectory) -> None:
    descriptor = blobs.put(DATA, "text/plain")

    assert descriptor == Descriptor("text/plain", Digest.of(DATA), len(DATA))
    assert blobs.has(descriptor)
    assert blobs.read(descriptor) == DATA
    assert b"".join(blobs.chunks(descriptor, 100)) == DATA
    assert blobs.path(descriptor.digest) == blobs.root / "blobs/sha256" / Digest.of(DATA).hex


def test_nothing_is_seen_of_a_blob_before_its_commit(blobs: BlobDirectory) -> None:
    with blobs.writer() as writer:
        writer.write(DATA)
        assert list(blobs.digests()) == []
    assert files(blobs) == []


def test_every_blob_is_listed_with_its_size_and_nothing_else_is(blobs: BlobDirectory) -> None:
    assert blobs.sizes() == {}
    put = {blobs.put(data, "text/plain").digest: len(data) for data in (b"", DATA, *map(bytes, range(1, 12)))}
    (blobs.root / "blobs/sha256/README").write_text("not a blob")
    with blobs.writer() as writer:
        writer.write(DATA)
        assert blobs.sizes() == put
    assert list(blobs.digests()) == sorted(put)


def test_a_writer_that_was_left_writes_nothing_and_removes_what_it_wrote(blobs: BlobDirectory) -> None:
    with blobs.writer() as writer:
        writer.write(DATA)
        (temporary,) = (path for path in blobs.root.rglob("*") if path.is_file())
    assert not temporary.exists()
    with pytest.raises(ValueError, match="a write after the end"):
        writer.write(DATA)
    with blobs.writer():
        (temporary,) = (path for path in blobs.root.rglob("*") if path.is_file())
        temporary.unlink()
    assert files(blobs) == [], "what another process has removed is not missed"


def test_chunks_have_a_mebibyte_unless_asked_for_others(blobs: BlobDirectory) -> None:
    put = blobs.put(bytes((2 << 20) + 1), "text/plain")
    assert [len(chunk) for chunk in blobs.chunks(put)] == [1 << 20, 1 << 20, 1]
    with blobs.path(put.digest).open("rb") as file:
        assert [len(chunk) for chunk in verified(file, put)] == [1 << 20, 1 << 20, 1]
    assert {len(chunk) for chunk in blobs.chunks(put, 700_000)} == {700_000, (2 << 20) + 1 - 2 * 700_000}


def test_only_its_owner_can_read_a_blob_before_it_is_whole(blobs: BlobDirectory) -> None:
    with blobs.writer():
        (temporary,) = (path for path in blobs.root.rglob("*") if path.is_file())
        assert temporary.stat().st_mode & 0o777 == 0o600


def test_a_document_is_read_up_to_four_mebibytes_and_refused_beyond(blobs: BlobDirectory) -> None:
    put = blobs.put(bytes(4 << 20), "text/plain")
    assert len(blobs.read(put)) == 4 << 20
    with pytest.raises(IntegrityError, match="4194305 bytes are too many for a document"):
        blobs.read(Descriptor("text/plain", put.digest, (4 << 20) + 1))


def test_a_blob_that_cannot_be_linked_into_its_place_leaves_no_file(blobs: BlobDirectory, tmp_path: Path) -> None:
    other = BlobDirectory(tmp_path / "other")
    descriptor = other.put(DATA, "text/plain")
    blobs.path(descriptor.digest).mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        blobs.link(other.path(descriptor.digest), descriptor)
    assert list((blobs.root / "blobs/sha256").iterdir()) == [blobs.path(descriptor.digest)]


def test_a_fingerprint_is_read_back_and_nothing_else_is_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(DATA)
    found = FileFingerprint.of(tmp_path / "file")
    assert found.size == len(DATA)
    assert FileFingerprint.parse(found.as_json()) == found
    for wrong in (None, [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, "4"], [True, 2, 3, 4], [1.0, 2, 3, 4], {"0": 1}):
        with pytest.raises(ValueError, match="not a stamp"):
            FileFingerprint.parse(wrong)


def test_an_empty_blob_is_a_blob(blobs: BlobDirectory) -> None:
    assert blobs.read(blobs.put(b"", "text/plain")) == b""


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "ends 1 bytes early"),
        (lambda data: data + b"x", "is longer than"),
        (lambda data: data[:-1] + b"x", "its bytes hash to"),
        (lambda data: b"x" + data[1:], "its bytes hash to"),
        (lambda data: b"", "ends 2560 bytes early"),
    ],
)
def test_every_damage_is_found_before_the_last_chunk_is_given(
    blobs: BlobDirectory, damage: object, message: str, size: int
) -> None:
    descriptor = blobs.put(DATA, "text/plain")
    path = blobs.path(descriptor.digest)
    path.unlink()
    path.write_bytes(damage(DATA))  # type: ignore[operator]
    given: list[bytes] = []

    with pytest.raises(IntegrityError, match=message):
        given.extend(blobs.chunks(descriptor, size))
    assert sum(map(len, given)) < len(DATA)


def test_a_missing_blob_and_a_symlink_in_its_place_are_errors(blobs: BlobDirectory, tmp_path: Path) -> None:
    descriptor = blobs.put(DATA, "text/plain")
    path = blobs.path(descriptor.digest)
    path.rename(tmp_path / "moved")
    with pytest.raises(IntegrityError, match="No such file"):
        blobs.read(descriptor)
    path.symlink_to(tmp_path / "moved")
    assert not blobs.has(descriptor)
    with pytest.raises(IntegrityError, match="symbolic links"):
        blobs.read(descriptor)


def test_a_document_beyond_the_limit_is_not_read(blobs: BlobDirectory) -> None:
    descriptor = blobs.put(DATA, "text/plain")

    with pytest.raises(IntegrityError, match="too many for a document"):
        blobs.read(descriptor, limit=100)


def test_linking_shares_the_file_and_leaves_nothing_else(blobs: BlobDirectory, tmp_path: Path) -> None:
    descriptor = blobs.put(DATA, "text/plain")
    other = BlobDirectory(tmp_path / "other")
    other.link(blobs.path(descriptor.digest), descriptor)
    other.link(blobs.path(descriptor.digest), descriptor)

    assert other.path(descriptor.digest).samefile(blobs.path(descriptor.digest))
    assert files(other) == [descriptor.digest.hex]


@pytest.mark.parametrize("refused", [["link"], ["link", "copy_file_range"]])
def test_where_links_cannot_be_made_the_blob_is_copied(
    blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: list[str]
) -> None:
    """To a file system of another kind the kernel does not copy that way either."""
    descriptor = blobs.put(DATA, "text/plain")
    refuse(monkeypatch, refused, errno.EXDEV)
    other = BlobDirectory(tmp_path / "other")
    other.link(blobs.path(descriptor.digest), descriptor)

    assert other.read(descriptor) == DATA
    assert not other.path(descriptor.digest).samefile(blobs.path(descriptor.digest))
    assert files(other) == [descriptor.digest.hex]


@pytest.mark.parametrize("seed", range(4))
def test_a_blob_is_what_was_written_however_it_was_cut(blobs: BlobDirectory, seed: int) -> None:
    chance = random.Random(seed)
    data = chance.randbytes(4_000_000 + seed)
    sizes = [1, 512, 4096, 100_000, 256 << 10, 1 << 20]
    with blobs.writer() as writer:
        while writer.size < len(data):
            start = writer.size
            writer.write(data[start : start + chance.choice(sizes) + chance.choice([0, 0, 1])])
            assert writer.size > start
        writer.commit(Digest.of(data))

    assert b"".join(blobs.chunks(Descriptor("text/plain", Digest.of(data), len(data)))) == data


def test_a_full_disk_is_reported_and_leaves_nothing(blobs: BlobDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(monkeypatch, ["pwrite"], errno.ENOSPC)
    with pytest.raises(MachineError, match=f"cannot write a blob to {blobs.root}: No space left"):
        blobs.put(DATA, "text/plain")
    assert files(blobs) == []


def test_the_dead_are_swept_and_the_living_stay(blobs: BlobDirectory) -> None:
    if (child := os.fork()) == 0:
        blobs.writer().write(b"dies half way")
        os._exit(0)
    os.waitpid(child, 0)
    with blobs.writer() as writer:
        writer.write(DATA)
        assert len(files(blobs)) == 2
        blobs.sweep()
        assert len(files(blobs)) == 1
        writer.commit(Digest.of(DATA))

    assert files(blobs) == [Digest.of(DATA).hex]


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_blobs_are_read_only_whatever_the_umask(blobs: BlobDirectory, umask: int) -> None:
    (blobs.root / "blobs/sha256").mkdir(parents=True)
    old = os.umask(umask)
    try:
        descriptor = blobs.put(b"x", "text/plain")
    finally:
        os.umask(old)

    assert blobs.path(descriptor.digest).stat().st_mode & 0o777 == 0o444


def test_only_a_file_of_that_name_and_size_is_a_blob(blobs: BlobDirectory, tmp_path: Path) -> None:
    put = blobs.put(DATA, "text/plain")
    place = blobs.path(put.digest)
    assert not blobs.has(Descriptor("text/plain", put.digest, len(DATA) - 1))
    assert not blobs.has(Descriptor("text/plain", Digest.of(b""), 0))
    place.unlink()
    place.symlink_to("x" * 100)
    assert not blobs.has(Descriptor("text/plain", put.digest, 100))
    place.unlink()
    place.mkdir()
    assert not blobs.has(Descriptor("text/plain", put.digest, place.stat().st_size))


def test_a_link_among_the_blobs_counts_for_its_own_bytes(blobs: BlobDirectory, tmp_path: Path) -> None:
    """They are what is freed where it goes."""
    digest = blobs.put(DATA, "text/plain").digest
    blobs.path(digest).rename(tmp_path / "moved")
    blobs.path(digest).symlink_to(tmp_path / "moved")
    assert blobs.sizes() == {digest: len(os.fsencode(tmp_path / "moved"))}


def test_a_blob_is_on_the_disk_before_it_has_its_name(blobs: BlobDirectory, disk: list[tuple[str, int]]) -> None:
    inode = blobs.path(blobs.put(DATA, "text/plain").digest).stat().st_ino
    assert disk == [("written out", inode), ("renamed", inode)]


def test_a_link_reports_what_the_source_was_before_and_is_after(blobs: BlobDirectory, tmp_path: Path) -> None:
    descriptor = blobs.put(DATA, "text/plain")
    source = blobs.path(descriptor.digest)
    earlier = FileFingerprint.of(source)
    other = BlobDirectory(tmp_path / "other")
    assert other.link(source, descriptor) == (earlier, FileFingerprint.of(source))
    assert other.link(source, descriptor) is None, "it is there"
    assert other.sizes() == {descriptor.digest: len(DATA)}


@pytest.mark.parametrize("refused", [[], ["link"]])
def test_a_source_of_another_size_is_not_taken(
    blobs: BlobDirectory, tmp_path: Path, refused: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "source").write_bytes(DATA + b"x")
    refuse(monkeypatch, refused, errno.EXDEV)
    with pytest.raises(IntegrityError, match="it is not 2560 bytes long"):
        blobs.link(tmp_path / "source", Descriptor("text/plain", Digest.of(DATA), len(DATA)))
    assert files(blobs) == ["source"]


@pytest.mark.parametrize("there", [None, DATA, DATA[:-1], DATA[:-1] + b"x"], ids=["no", "right", "short", "damaged"])
@pytest.mark.parametrize("refused", [[], ["link"]])
def test_what_has_the_name_already_is_replaced_unless_it_is_right(
    blobs: BlobDirectory, tmp_path: Path, there: bytes | None, refused: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    descriptor = blobs.put(DATA, "text/plain")
    other = BlobDirectory(tmp_path / "other")
    place = other.path(descriptor.digest)
    place.parent.mkdir(parents=True)
    if there is not None:
        place.write_bytes(there)
    before = place.stat().st_ino if place.exists() else None
    refuse(monkeypatch, refused, errno.EXDEV)
    other.link(blobs.path(descriptor.digest), descriptor)
    assert other.read(descriptor) == DATA
    assert files(other) == [descriptor.digest.hex]
    if refused and there == DATA:
        assert place.stat().st_ino == before, "nothing is copied that is here"


def test_a_damaged_source_is_not_copied(blobs: BlobDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "source").write_bytes(DATA[:-1] + b"x")
    refuse(monkeypatch, ["link"], errno.EXDEV)
    with pytest.raises(IntegrityError, match="its bytes hash to"):
        blobs.link(tmp_path / "source", Descriptor("text/plain", Digest.of(DATA), len(DATA)))
    assert files(blobs) == ["source"]


def test_what_was_forgotten_is_gone_and_may_be_forgotten_again(blobs: BlobDirectory) -> None:
    digest = blobs.put(DATA, "text/plain").digest
    blobs.remove(digest)
    blobs.remove(digest)
    assert blobs.sizes() == {}

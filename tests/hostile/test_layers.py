"""Layers that no honest program writes: refused with a clear word, in bounded time and memory, and nothing is touched.

Each case stands for a fault that some tool has had; CVE numbers say which where one is known.
"""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import pyzstd

from sysimage.errors import IntegrityError
from sysimage.verify import verify_image
from sysimage.verify.limits import Limits
from tests.support import raw_tar
from tests.support.raw_image import LAYER, RawImage, gzipped, write_directory
from tests.support.raw_tar import archive, directory, file, hard_link, header, pax, raw_pax, symlink


def refusal(tmp_path: Path, *layers: bytes, limits: Limits | None = None) -> str:
    """The faults of an image with these layers, as text."""
    before = sorted(tmp_path.rglob("*"))
    layout = write_directory(RawImage(*layers).layout(), tmp_path / "layout")
    after = sorted(tmp_path.rglob("*"))
    with pytest.raises(IntegrityError) as caught:
        verify_image(layout, limits=limits or Limits())
    assert sorted(tmp_path.rglob("*")) == after
    assert before == [path for path in before if path in after]
    assert caught.value.exit_status == 4
    text = str(caught.value)
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    return text


NAMES = {
    "climbs out": b"../x",
    "climbs out later": b"a/../../x",
    "climbs and returns": b"a/../b",
    "two dots": b"..",
    "slash at the end of a file": b"a/",
    "empty": b"",
    "root as a file": b".",
    "root as a file, absolute (CVE-2021-29136)": b"/.",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_that_could_mean_another_path_is_refused(name: bytes, tmp_path: Path) -> None:
    assert "layer 1: has a member" in refusal(tmp_path, archive(file(name)))


@pytest.mark.parametrize("name", [b"/etc/passwd", b"./etc//passwd", b"etc/./passwd", b"//etc/passwd", b"/./etc/passwd"])
def test_a_name_in_an_unusual_form_is_taken_as_engines_take_it_and_noted(name: bytes, tmp_path: Path) -> None:
    """Absolute names are what nixpkgs' streaming script writes, and Google's distroless images have."""
    layout = write_directory(RawImage(archive(file(name, b"root"))).layout(), tmp_path / "layout")
    found = verify_image(layout)
    assert [str(note) for note in found.notes] == ["layer 1: /etc/passwd has its name in an unusual form"]
    assert (found.files, found.directories) == (1, 2)


@pytest.mark.parametrize("name", [b"/.", b".", b"./", b"/", b".."])
def test_the_root_cannot_become_a_symlink(name: bytes, tmp_path: Path) -> None:
    assert "layer 1: has a member" in refusal(tmp_path, archive(symlink(name, b"/outside"), file(b"f")))


@pytest.mark.parametrize("name", [b"x" * 256, b"d/" * 2100 + b"f", b"d/" * 300 + b"f", b"a\0b"])
def test_a_pax_name_beyond_what_a_path_can_be_is_refused(name: bytes, tmp_path: Path) -> None:
    assert "layer 1: has a" in refusal(tmp_path, archive(pax([(b"path", name)]), file(b"short")))


def test_names_with_control_characters_are_escaped_in_messages(tmp_path: Path) -> None:
    assert "/\\x1b[31mred\\n" in refusal(tmp_path, archive(hard_link(b"\x1b[31mred\n", b"missing")))


@pytest.mark.parametrize("target", [b"/outside", b"../..", b"../../../../../../tmp", b".", b"d"])
def test_a_write_through_a_symlink_goes_nowhere(target: bytes, tmp_path: Path) -> None:
    """CVE-2026-42574 and its kin: the check that looks at names alone misses it."""
    expected = "layer 1: /d/f is below /d, a symlink"
    assert expected in refusal(tmp_path, archive(symlink(b"d", target), file(b"d/f", b"pwned")))


def test_a_write_through_a_symlink_of_a_lower_layer_goes_nowhere(tmp_path: Path) -> None:
    found = refusal(tmp_path, archive(symlink(b"d", b"/")), archive(file(b"d/f", b"pwned")))
    assert "layer 2: /d/f is below /d, a symlink" in found


@pytest.mark.parametrize("target", [b"../../etc/shadow", b"/etc/shadow", b"later", b"self", b"d"])
def test_a_hard_link_to_what_is_not_an_earlier_file_is_refused(target: bytes, tmp_path: Path) -> None:
    members = (directory(b"d"), symlink(b"link", b"/etc/shadow"), hard_link(b"self", target), file(b"later"))
    assert "layer 1: /self is a hard link to" in refusal(tmp_path, archive(*members))


@pytest.mark.parametrize(("kind", "word"), [(b"3", "character device"), (b"4", "block device"), (b"6", "FIFO")])
def test_special_files_of_others_are_noted(kind: bytes, word: str, tmp_path: Path) -> None:
    layout = write_directory(RawImage(archive(header(b"special", kind))).layout(), tmp_path / "layout")
    (note,) = verify_image(layout).notes
    assert str(note).startswith(f"layer 1: /special is a {word}")


@pytest.mark.parametrize("name", [b".wh.", b".wh..", b".wh...", b".wh..wh..opqx"])
def test_malformed_whiteouts_are_refused(name: bytes, tmp_path: Path) -> None:
    assert "is a malformed whiteout" in refusal(tmp_path, archive(file(b"a")), archive(file(name)))


def test_attributes_of_an_overlay_never_leak_in(tmp_path: Path) -> None:
    attribute = pax([(b"SCHILY.xattr.trusted.overlay.redirect", b"/etc")])
    assert "has attributes of an overlay file system" in refusal(tmp_path, archive(attribute, file(b"f")))


NUMBERS = {
    "pax size against header": archive(pax([(b"size", b"1024")]), header(b"f", size=1) + bytes(1024)),
    "negative pax size": archive(pax([(b"size", b"-1")]), header(b"f")),
    "pax size with a blank": archive(pax([(b"size", b" 1")]), header(b"f")),
    "pax size beyond reason": archive(pax([(b"size", b"9" * 30)]), header(b"f")),
    "negative base-256 size (CVE-2025-8194)": archive(header(b"f", size=b"\xff" * 12)),
    "base-256 size of 2^90": archive(header(b"f", size=b"\x80" + b"\x7f" * 11)),
    "size that is not a number": archive(header(b"f", size=b"12x4")),
    "size of 8 EiB": archive(header(b"f", size=b"\x80" + (2**62).to_bytes(11, "big"))),
    "uid that is not an owner": archive(header(b"f", uid=b"\x80" + (2**32 - 1).to_bytes(7, "big"))),
    "negative uid": archive(header(b"f", uid=b"\xff" * 8)),
    "pax uid that is not an owner": archive(pax([(b"uid", b"4294967295")]), file(b"f")),
    "directory with content": archive(header(b"d", b"5", size=512) + bytes(512)),
    "symlink with content": archive(header(b"l", b"2", size=512, link=b"x") + bytes(512)),
    "link to nothing": archive(header(b"l", b"2")),
}


@pytest.mark.parametrize("layer", NUMBERS.values(), ids=NUMBERS)
def test_numbers_that_readers_disagree_about_are_refused(layer: bytes, tmp_path: Path) -> None:
    assert "layer 1: " in refusal(tmp_path, layer)


def sparse(kind: bytes) -> bytes:
    return archive(header(b"f", kind, size=b"\x80" + (2**60).to_bytes(11, "big")))


EXTENSIONS = {
    "pax header of a gigabyte": (
        archive(header(b"pax", b"x", size=1 << 30)),
        "has an extension header of 1073741824 bytes",
    ),
    "GNU long name of a gigabyte": (
        archive(header(b"././@LongLink", b"L", size=1 << 30)),
        "has an extension header of 1073741824 bytes",
    ),
    "pax record longer than its header": (archive(raw_pax(b"999 path=x\n"), file(b"f")), "has a malformed pax record"),
    "pax record of length zero (CVE-2019-20907)": (
        archive(raw_pax(b"0 path=x\n"), file(b"f")),
        "has a malformed pax record",
    ),
    "pax record without its end": (archive(raw_pax(b"9 path=xy"), file(b"f")), "has a malformed pax record"),
    "pax record without a key": (archive(raw_pax(b"5 =x\n"), file(b"f")), "has a malformed pax record"),
    "pax record shorter than itself": (archive(raw_pax(b"3 path=x\n"), file(b"f")), "has a malformed pax record"),
    "pax header at the end": (archive(pax([(b"path", b"x")])), "ends after an extension header"),
    "global pax header": (archive(pax([(b"path", b"x")], b"g"), file(b"f")), "has a global pax header"),
    "sparse file, GNU": (sparse(b"S"), "holds a sparse file in GNU tar's old form, which engines refuse"),
    "unknown member type": (sparse(b"Z"), "holds a member of the type 'Z', which layers may not"),
}


def with_holes(*records: tuple[str, str], data: bytes = b"abc", **fields: Any) -> bytes:
    said = [(f"GNU.sparse.{key}".encode(), value.encode()) for key, value in records]
    return archive(pax(said), file(b"f", data, **fields))


def mapped(size: int, text: str) -> bytes:
    return with_holes(("size", str(size)), ("map", text))


def in_front(text: bytes, *, size: int = 9, data: bytes = b"abc") -> bytes:
    """Form 1.0, with the map before the data."""
    records = ("major", "1"), ("minor", "0"), ("realsize", str(size))
    return with_holes(*records, data=raw_tar.padded(text) + data)


HOLES = {
    "an unknown form": (with_holes(("major", "2")), "has a sparse file in a form that is not known"),
    "a size alone": (with_holes(("size", "3")), "has a sparse file in a form that is not known"),
    "a map twice": (
        with_holes(("major", "1"), ("minor", "0"), ("realsize", "9"), ("map", "0,3")),
        "has a sparse file in a form that is not known",
    ),
    "no size": (with_holes(("map", "0,3")), "has a malformed number of a sparse file"),
    "a negative size": (mapped(-1, "0,3"), "has a malformed number of a sparse file"),
    "half a pair": (mapped(9, "0,3,5"), "has a malformed map of a sparse file"),
    "a length before its offset": (
        with_holes(("size", "9"), ("numbytes", "3"), ("offset", "0")),
        "has a malformed map of a sparse file",
    ),
    "segments that overlap": (mapped(9, "0,2,1,1"), "has a sparse file whose segments are out of order"),
    "segments that go backwards": (mapped(9, "5,1,0,2"), "has a sparse file whose segments are out of order"),
    "a segment beyond the end": (mapped(9, "8,3"), "has a sparse file whose segments are not its data"),
    "more data than segments": (mapped(9, "0,2"), "has a sparse file whose segments are not its data"),
    "more segments than data": (mapped(9, "0,4"), "has a sparse file whose segments are not its data"),
    "a map that does not end": (in_front(b"3\n0\n"), "has a malformed map of a sparse file"),
    "a map of a trillion segments": (in_front(b"1000000000000\n"), "has a malformed map of a sparse file"),
    "a map that is no number": (in_front(b"x\n"), "has a malformed number of a sparse file"),
    "a map longer than the file": (
        with_holes(("major", "1"), ("minor", "0"), ("realsize", "9"), data=b"1\n0\n3\n"),
        "has a sparse file whose segments are not its data",
    ),
    "a hole of an exabyte": (mapped(2**59, "0,3"), "has holes of more than 68719476736 bytes in its files"),
    "a directory with holes": (
        archive(pax([(b"GNU.sparse.map", b""), (b"GNU.sparse.size", b"9")]), directory(b"d")),
        "has a sparse directory of 9 bytes: /d",
    ),
    "a name that leads upwards": (
        with_holes(("size", "9"), ("map", "0,3"), ("name", "../x")),
        "has a member whose name leads upwards: '../x'",
    ),
}


@pytest.mark.parametrize(("layer", "message"), HOLES.values(), ids=HOLES)
def test_sparse_files_that_readers_would_disagree_about_are_refused(layer: bytes, message: str, tmp_path: Path) -> None:
    assert f"layer 1: {message}" in refusal(tmp_path, layer)


def test_holes_count_for_what_all_layers_together_may_have(tmp_path: Path) -> None:
    layer = mapped(1 << 20, "0,3")
    assert "grows beyond" in refusal(tmp_path, layer, limits=Limits(uncompressed_size=(1 << 20) + len(layer) - 4))


@pytest.mark.parametrize(("layer", "message"), EXTENSIONS.values(), ids=EXTENSIONS)
def test_extensions_out_of_bounds_are_refused(layer: bytes, message: str, tmp_path: Path) -> None:
    assert f"layer 1: {message}" in refusal(tmp_path, layer)


GOOD = file(b"f", b"content")
BROKEN = {
    "wrong checksum": archive(header(b"f", checksum=b"000000\0 ")),
    "truncated in a header": GOOD[:100],
    "truncated in content": GOOD[:515],
    "one end block": GOOD + bytes(512) + b"x" * 512,
    "rubbish after the end": archive(GOOD) + b"x" * 512,
    "two archives": archive(GOOD) + archive(file(b"g")),
    "padding without end": archive(GOOD) + bytes(3 << 20),
    "no tar at all": b"just text" * 100,
    "old tar without magic": archive(header(b"f", magic=bytes(8))),
    "xz": b"\xfd7zXZ\0" + bytes(600),
}


@pytest.mark.parametrize("layer", BROKEN.values(), ids=BROKEN)
def test_what_is_not_a_whole_archive_is_refused(layer: bytes, tmp_path: Path) -> None:
    assert "layer 1: " in refusal(tmp_path, layer)


def mislabelled(media_type: str, blob: bytes, tmp_path: Path, **config: Any) -> Path:
    image = RawImage(archive(GOOD), config=config)
    image.blobs, image.layer_type = [blob], media_type
    return write_directory(image.layout(), tmp_path / "layout")


def test_a_compressed_layer_that_calls_itself_plain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="is gzip inside, its media type is"):
        verify_image(mislabelled(LAYER, gzipped(archive(GOOD)), tmp_path))


@pytest.mark.parametrize(
    ("media_type", "blob"),
    [
        (LAYER + "+gzip", archive(GOOD)),
        (LAYER + "+zstd", gzipped(archive(GOOD))),
        (LAYER + "+gzip", pyzstd.compress(archive(GOOD))),
    ],
)
def test_another_compression_than_the_media_types_is_a_note_as_engines_look_at_the_bytes(
    media_type: str, blob: bytes, tmp_path: Path
) -> None:
    (note,) = verify_image(mislabelled(media_type, blob, tmp_path)).notes
    assert f", its media type is {media_type}" in str(note)
    ours = mislabelled(media_type, blob, tmp_path / "ours", history=[{"created_by": "sysimage"}])
    with pytest.raises(IntegrityError, match=", its media type is"):
        verify_image(ours)


def compressed_image(tmp_path: Path, layer: bytes) -> Path:
    image = RawImage(layer)
    image.blobs, image.layer_type = [gzipped(layer)], LAYER + "+gzip"
    return write_directory(image.layout(), tmp_path / "layout")


def test_a_bomb_of_zeros_ends_at_the_padding(tmp_path: Path) -> None:
    begin = time.process_time()
    with pytest.raises(IntegrityError, match="bytes of padding"):
        verify_image(compressed_image(tmp_path, archive(GOOD) + bytes(100 << 20)))
    assert time.process_time() - begin < 10


def test_a_bomb_that_is_a_file_ends_at_the_cap(tmp_path: Path) -> None:
    image = compressed_image(tmp_path, archive(file(b"zeros", bytes(64 << 20))))
    tracemalloc.start()
    with pytest.raises(IntegrityError, match="grows beyond what all layers together may have"):
        verify_image(image, limits=Limits(uncompressed_size=32 << 20))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_members_without_number_end_at_the_cap(tmp_path: Path) -> None:
    image = compressed_image(tmp_path, archive(*[file(b"%d" % number) for number in range(5000)]))
    with pytest.raises(IntegrityError, match="more than 1000 entries"):
        verify_image(image, limits=Limits(entries=1000))


def test_a_database_too_large_to_be_believed_is_not_read_into_memory(tmp_path: Path) -> None:
    layer = archive(file(b"var/guix/db/db.sqlite", bytes(2 << 20)))
    assert "more than the limit" in refusal(tmp_path, layer, limits=Limits(captured_file=1 << 20))


def test_letters_without_end_need_no_memory(tmp_path: Path) -> None:
    """A file of nothing but base-32 letters is one long run of possible hash parts."""
    item = b"gnu/store/" + b"a" * 32 + b"-item"
    layer = archive(directory(b"gnu"), directory(b"gnu/store"), file(item, b"0123" * (4 << 20)))
    path = write_directory(RawImage(layer).layout(), tmp_path / "layout")
    begin = time.monotonic()
    verify_image(path, limits=Limits(remembered_runs=1 << 20))
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize("name", [b"x" * 100, b"\xff\xfe", "ü".encode(), b"back\\slash", b" ", b"-rf", b"a:b"])
def test_strange_but_legal_names_are_accepted(name: bytes, tmp_path: Path) -> None:
    image = RawImage(archive(file(name), raw_tar.directory(b"d"), file(b"d/" + name[:90])))
    assert verify_image(write_directory(image.layout(), tmp_path / "layout")).files == 2

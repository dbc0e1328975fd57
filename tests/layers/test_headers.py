"""Our tar headers as Python's tarfile and GNU tar read them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sysimage.layers.headers import END, Headers
from sysimage.process import run

NAMES = st.lists(
    st.binary(min_size=1, max_size=130).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_")),
    min_size=1,
    max_size=5,
).map(b"/".join)


def read(header: bytes, content: bytes = b"") -> tarfile.TarInfo:
    data = header + content + bytes(-len(content) % 512) + END
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
        member = archive.next()
        assert member is not None
        return member


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@given(name=NAMES, size=st.integers(0, 8**11 - 1), executable=st.booleans())
def test_tarfile_reads_any_file_as_it_was_meant(name: bytes, size: int, executable: bool) -> None:
    member = read(Headers(0, 0).item_file(name, size, executable))

    assert encoded(member.name) == name.rstrip(b"/")
    assert (member.size, member.mode, member.mtime) == (size, 0o555 if executable else 0o444, 1)
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.isreg()


@given(name=NAMES, target=st.binary(min_size=1, max_size=300).filter(lambda raw: b"\0" not in raw))
def test_tarfile_reads_any_symlink_as_it_was_meant(name: bytes, target: bytes) -> None:
    member = read(Headers(0, 0).symlink(name, target))

    assert (encoded(member.name), encoded(member.linkname)) == (name, target)
    assert member.issym()


@given(name=NAMES, mode=st.integers(0, 0o7777), uid=st.integers(0, 2**31), gid=st.integers(0, 2**31))
def test_tarfile_reads_any_directory_and_owner_as_it_was_meant(name: bytes, mode: int, uid: int, gid: int) -> None:
    member = read(Headers(uid, gid).directory(name, mode))

    assert encoded(member.name) == name
    assert (member.mode, member.uid, member.gid) == (mode, uid, gid)
    assert member.isdir()


@pytest.mark.parametrize("size", [8**11 - 1, 8**11, 10**12, 2**62])
def test_a_huge_file_has_its_size(size: int) -> None:
    assert read(Headers(0, 0).item_file(b"gnu/store/huge", size, False)).size == size


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        (b"n" * 100, 1),
        (b"n" * 101, 3),
        (b"p" * 155 + b"/" + b"n" * 100, 1),
        (b"p" * 156 + b"/" + b"n" * 100, 3),
        (b"p" * 155 + b"/n", 1),
        (b"p" * 155 + b"/" + b"n" * 101, 3),
        (b"gnu/store/" + b"h" * 32 + b"-name/" + b"d/" * 50 + b"file", 1),
    ],
)
def test_a_name_costs_a_pax_header_only_where_the_prefix_field_has_no_room(name: bytes, blocks: int) -> None:
    header = Headers(0, 0).item_file(name, 0, False)

    assert len(header) == blocks * 512
    assert encoded(read(header).name) == name


@pytest.mark.parametrize("length", [100, 101])
def test_a_pax_header_says_what_the_plain_one_has_no_room_for_and_nothing_else(length: int) -> None:
    words, owner = b"n" * length, 8**7 - 101 + length
    for header, key in (
        (Headers(8**7, 0).item_file(words, 1, False), b"path"),
        (Headers(8**7, 0).symlink(b"link", words), b"linkpath"),
        (Headers(8**7, owner).item_file(b"file", 1, False), b"gid"),
        (Headers(8**7, 0).item_file(b"file", 8**11 - 101 + length, False), b"size"),
    ):
        keys = {line.split(b" ")[1].split(b"=")[0] for line in header[512:-512].rstrip(b"\0").splitlines()}
        assert keys == ({b"uid", key} if length > 100 else {b"uid"})
        assert len(header) == 3 * 512


def test_the_checksum_is_right_where_the_short_cut_would_not_be() -> None:
    name = b"\xff" * 155 + b"/" + b"\xff" * 100
    header = Headers(0, 0).symlink(name, b"\xff" * 100)

    assert encoded(read(header).name) == name


def test_gnu_tar_lists_what_was_meant(tmp_path: Path) -> None:
    headers = Headers(1000, 3_000_000)
    names = [b"short", b"a/" * 90 + b"b", b"l" * 200, "größe/ß".encode()]
    archive = b"".join(headers.item_file(name, 0, True) for name in names)
    archive += headers.symlink(b"link", b"t" * 150) + headers.directory(b"dir", 0o1777) + END
    (tmp_path / "a.tar").write_bytes(archive)

    listing = run(["tar", "--quoting-style=literal", "--full-time", "-tvf", tmp_path / "a.tar"]).stdout.splitlines()

    assert [line.split(b" 1970-01-01 00:00:01 ")[1] for line in listing] == [
        *names,
        b"link -> " + b"t" * 150,
        b"dir/",
    ]
    assert all(b" 1000/3000000 " in line for line in listing)
    assert [line[:10] for line in listing[-2:]] == [b"lrwxrwxrwx", b"drwxrwxrwt"]


@pytest.mark.parametrize("number", [8**7 - 1, 8**7, 8**7 + 1])
def test_an_owner_at_the_edge_of_what_ustar_can_hold_is_written(number: int) -> None:
    member = read(Headers(number, number).item_directory(b"dir"))

    assert (member.uid, member.gid) == (number, number)


@example(name=b"p" * 154 + b"/n", target=b"", size=0, owner=0)
@example(name=b"p" * 100, target=b"", size=0, owner=0)
@given(
    name=NAMES,
    target=st.sampled_from([0, 1, 99, 100, 101, 300]).map(lambda length: b"t" * length),
    size=st.sampled_from([0, 1, 8**11 - 2, 8**11 - 1, 8**11, 2**62]),
    owner=st.sampled_from([0, 8**7 - 1, 8**7]),
)
def test_the_length_of_a_header_is_known_before_it_is_made(name: bytes, target: bytes, size: int, owner: int) -> None:
    headers = Headers(owner, 0)
    assert headers.length(name, b"", size) == len(headers.item_file(name, size, executable=False))
    assert headers.length(name + b"/", b"", 0) == len(headers.item_directory(name))
    assert headers.length(name, target, 0) == len(headers.item_link(name, target, executable=False))
    assert headers.length(name, target, 0) == len(headers.symlink(name, target))

"""The strict tar reader: reads what real writers write, refuses everything else."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.tar import MemberKind, TarMember, read_members
from tests.support import raw_tar


def chunked(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def members_of(data: bytes, *, chunk: int = 1 << 20, limits: Limits = DEFAULT_LIMITS) -> list[tuple[TarMember, bytes]]:
    stream = ChunkStream(chunked(data, chunk))
    return [(member, b"".join(member.content(stream))) for member in read_members(stream, limits)]


def written_by_the_standard_library(format_: int, entries: list[tarfile.TarInfo]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=format_) as archive:
        for entry in entries:
            archive.addfile(entry, io.BytesIO(b"x" * entry.size) if entry.isreg() else None)
    return file.getvalue()


names = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=60).filter(
        lambda part: part not in (".", "..") and len(part.encode()) < 256
    ),
    min_size=1,
    max_size=6,
).map("/".join)


@given(
    st.sampled_from([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
    st.lists(st.tuples(names, st.integers(0, 2000), st.integers(0, 0o7777), st.integers(0, 2**31 - 1)), max_size=5),
    st.sampled_from([511, 512, 700, 1 << 20]),
)
def test_what_the_standard_library_writes_is_read_back(
    format_: int, files: list[tuple[str, int, int, int]], chunk: int
) -> None:
    entries = []
    for name, size, mode, uid in files:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.uid, entry.gid, entry.mtime = size, mode, uid, uid, 1
        entries.append(entry)
    data = written_by_the_standard_library(format_, entries)
    found = members_of(data, chunk=chunk)
    assert [(b"/".join(m.parts).decode(), m.size, m.mode, m.uid, m.gid) for m, _ in found] == [
        (name, size, mode, uid, uid) for name, size, mode, uid in files
    ]
    assert [content for _, content in found] == [b"x" * size for _, size, _, _ in files]


@given(st.binary(max_size=4096))
def test_rubbish_is_refused_and_never_crashes(data: bytes) -> None:
    with pytest.raises(MalformedError):
        members_of(data + b"x")


@given(st.integers(0, 511).filter(lambda at: not 148 <= at < 156), st.integers(0, 255))
def test_a_header_with_one_byte_changed_is_refused(at: int, byte: int) -> None:
    whole = raw_tar.archive(raw_tar.file(b"name", b"content", mode=0o644))
    changed = whole[:at] + bytes([byte]) + whole[at + 1 :]
    if changed == whole:
        return
    with pytest.raises(MalformedError):
        members_of(changed)


def test_content_left_unread_is_skipped() -> None:
    data = raw_tar.archive(raw_tar.file(b"a", b"1" * 700), raw_tar.file(b"b", b"2"))
    assert [m.name for m in read_members(ChunkStream(iter([data])), DEFAULT_LIMITS)] == ["/a", "/b"]


def test_kinds_links_and_owners_are_read() -> None:
    data = raw_tar.archive(
        raw_tar.directory(b"./"),
        raw_tar.directory(b"./etc/", uid=3, gid=4),
        raw_tar.symlink(b"etc/link", b"../target"),
        raw_tar.file(b"f", mode=0o4755),
        raw_tar.hard_link(b"h", b"f"),
        raw_tar.header(b"null", b"3"),
    )
    assert [(m.name, m.kind.value, m.mode, m.uid, m.gid, m.link) for m, _ in members_of(data)] == [
        ("/", "directory", 0o755, 0, 0, b""),
        ("/etc", "directory", 0o755, 3, 4, b""),
        ("/etc/link", "symlink", 0o777, 0, 0, b"../target"),
        ("/f", "file", 0o4755, 0, 0, b""),
        ("/h", "hard link", 0o644, 0, 0, b"f"),
        ("/null", "character device", 0o644, 0, 0, b""),
    ]


def test_pax_and_gnu_extensions_replace_name_link_size_and_owner() -> None:
    data = raw_tar.archive(
        raw_tar.pax([(b"path", b"d/" + b"n" * 200), (b"size", b"3"), (b"uid", b"3000000"), (b"mtime", b"1.5")]),
        raw_tar.header(b"short", size=0) + raw_tar.padded(b"abc"),
        raw_tar.long_name(b"l" * 150),
        raw_tar.long_name(b"t" * 150, b"K"),
        raw_tar.symlink(b"short", b"short", magic=b"ustar  \0"),
    )
    (one, content), (two, _) = members_of(data)
    assert (one.parts, one.uid, one.mtime, content) == ((b"d", b"n" * 200), 3_000_000, b"1.5", b"abc")
    assert (two.parts, two.link) == ((b"l" * 150,), b"t" * 150)


def test_the_prefix_field_is_part_of_the_name() -> None:
    ((member, _),) = members_of(raw_tar.archive(raw_tar.file(b"b", prefix=b"a")))
    assert member.parts == (b"a", b"b")


def test_names_that_are_not_utf_8_keep_their_bytes_and_can_be_shown() -> None:
    ((member, _),) = members_of(raw_tar.archive(raw_tar.file(b"\xff\n")))
    assert member.parts == (b"\xff\n",)
    assert member.name == "/\\udcff\\n"


@pytest.mark.parametrize("chunk", [1 << 20, 700], ids=["at once", "in small pieces"])
@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_files_with_holes_are_read_as_gnu_tar_wrote_them(version: str, chunk: int, tmp_path: Path) -> None:
    """Holes at the beginning, between, at the end; alone; and so many of them that their map takes several blocks."""
    contents = {
        "a": [(4096, b"middle"), (1 << 20, b"later")],
        "b": [(0, b"begin")],
        "c": [],
        "d": [(place * 8192, b"x" * 4096) for place in range(150)],
        "e" * 120: [(65536, b"a long name")],
    }
    (tmp_path / "tree").mkdir()
    for name, segments in contents.items():
        with (tmp_path / "tree" / name).open("wb") as file:
            for offset, data in segments:
                file.seek(offset)
                file.write(data)
            file.truncate(3 << 20)
    words = ["tar", "--format=posix", "--sparse", f"--sparse-version={version}", "--directory", str(tmp_path / "tree")]
    subprocess.run([*words, "--create", "--file", str(tmp_path / "sparse.tar"), *contents], check=True)
    read = members_of((tmp_path / "sparse.tar").read_bytes(), chunk=chunk)
    found = {member.name[1:]: (member, content) for member, content in read}
    assert found.keys() == contents.keys()
    for name, (member, content) in found.items():
        assert content == (tmp_path / "tree" / name).read_bytes()
        assert member.size == len(content)
        assert member.segments is not None, "or the file system knows no holes, and nothing was tested"
        assert member.stored < 700_000
        assert not any(b"sparse" in record for record in member.extended)


@pytest.mark.parametrize("left", [0, 1, 100], ids=lambda left: f"{left} bytes of padding")
def test_a_last_file_that_is_not_padded_is_accepted_only_when_asked_for(left: int) -> None:
    data = raw_tar.file(b"a", b"content")[: 512 + len(b"content") + left]
    stream = ChunkStream(iter([data]))
    assert [m.size for m in read_members(stream, DEFAULT_LIMITS, end_required=False)] == [7]
    with pytest.raises(MalformedError, match="early, inside a file's content"):
        members_of(data)
    with pytest.raises(MalformedError, match="early, inside a file's content"):
        list(read_members(ChunkStream(iter([data[:515]])), DEFAULT_LIMITS, end_required=False))


def test_missing_end_blocks_are_accepted_only_when_asked_for() -> None:
    data = raw_tar.file(b"a")
    stream = ChunkStream(iter([data]))
    assert [m.kind for m in read_members(stream, DEFAULT_LIMITS, end_required=False)] == [MemberKind.FILE]
    with pytest.raises(MalformedError, match="without its end blocks"):
        members_of(data)


@given(st.lists(st.integers(0, 1100), max_size=4), st.sampled_from([511, 512, 1 << 20]))
def test_a_broken_header_is_named_by_the_byte_at_which_it_begins(sizes: list[int], chunk: int) -> None:
    good = b"".join(raw_tar.file(b"f", bytes(size)) for size in sizes)
    for broken in (raw_tar.header(b"x", magic=bytes(8)), raw_tar.header(b"x", checksum=b"000000\0 ")):
        with pytest.raises(MalformedError, match=f"at byte {len(good)}$"):
            members_of(good + broken + raw_tar.END, chunk=chunk)
    with pytest.raises(MalformedError, match=f"without its end blocks, at byte {len(good)}$"):
        members_of(good, chunk=chunk)


@given(st.integers(-(2**40), 2**40), st.integers(0, 2**32 - 2))
def test_numbers_of_every_size_are_read_in_both_notations(time: int, owner: int) -> None:
    """GNU's notation in bytes, and pax records; a time may be before 1970."""

    def in_bytes(number: int, width: int) -> bytes:
        return (b"\xff" if number < 0 else b"\x80") + number.to_bytes(width - 1, "big", signed=number < 0)

    fields = {"uid": in_bytes(owner, 8), "gid": in_bytes(owner, 8), "mtime": in_bytes(time, 12)}
    records = [(b"uid", b"%d" % owner), (b"gid", b"%d" % owner), (b"mtime", b"%d" % time)]
    data = raw_tar.archive(raw_tar.file(b"a", **fields), raw_tar.pax(records), raw_tar.file(b"b"), raw_tar.file(b"c"))
    found = [(m.uid, m.gid, int(m.mtime)) for m, _ in members_of(data)]
    assert found == [(owner, owner, time), (owner, owner, time), (0, 0, 1)], "and a record holds for one member alone"


@pytest.mark.parametrize("blank", [b"", b" " * 7, b"\0 \0"])
def test_a_number_that_is_left_out_is_zero(blank: bytes) -> None:
    fields = dict.fromkeys(("size", "mode", "uid", "gid", "mtime"), blank)
    ((member, content),) = members_of(raw_tar.archive(raw_tar.header(b"a", **fields)))
    assert (member.mode, member.uid, member.gid, member.mtime, content) == (0, 0, 0, b"0", b"")


def test_records_without_a_field_are_named_in_order() -> None:
    keys = [b"SCHILY.xattr.user.z", b"LIBARCHIVE.creationtime", b"comment", b"SCHILY.xattr.user.a"]
    data = raw_tar.archive(raw_tar.pax([(key, b"1") for key in keys]), raw_tar.file(b"a"))
    ((member, _),) = members_of(data)
    assert member.extended == tuple(sorted(keys))


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        *((name, True) for name in (b".", b"./", b"a", b"a/", b"./a", b"./a/", b"a/b", b"./a/b/")),
        *((name, False) for name in (b"/.", b"/a", b"//a", b"a//b", b"a/./b", b"././a", b"a//")),
    ],
)
def test_a_name_in_another_form_means_the_same_and_is_marked(name: bytes, usual: bool) -> None:
    ((member, _),) = members_of(raw_tar.archive(raw_tar.directory(name)))
    assert member.parts == tuple(part for part in name.split(b"/") if part not in (b"", b"."))
    assert member.unusual_name is not usual


def first_member(data: bytes) -> TarMember:
    """Without what comes after its header."""
    return next(read_members(ChunkStream(iter([data])), DEFAULT_LIMITS))


def in_bytes(number: int) -> bytes:
    return b"\x80" + number.to_bytes(11, "big")


HEADERS: dict[str, tuple[bytes, dict[str, object]]] = {
    "a mode with more bits than permissions": (raw_tar.header(b"f", mode=0o107777), {"mode": 0o7777}),
    "the largest size": (raw_tar.header(b"f", size=in_bytes(2**62)), {"size": 2**62}),
    "a size that no octal field can say": (
        raw_tar.pax([(b"size", b"%d" % 8**11)]) + raw_tar.header(b"f", size=5),
        {"size": 8**11},
    ),
    "a size that is said twice": (raw_tar.pax([(b"size", b"5")]) + raw_tar.header(b"f", size=5), {"size": 5}),
    "a number of nineteen digits": (
        raw_tar.pax([(b"size", b"5".zfill(19)), (b"uid", b"6".zfill(19))]) + raw_tar.header(b"f"),
        {"size": 5, "uid": 6},
    ),
    "a time long before all others": (
        raw_tar.header(b"f", mtime=b"\xff" + (-(2**85)).to_bytes(11, "big", signed=True)),
        {"mtime": b"%d" % -(2**85)},
    ),
    "the largest owner": (
        raw_tar.pax([(b"uid", b"4294967294"), (b"gid", b"4294967294")]) + raw_tar.header(b"f"),
        {"uid": 2**32 - 2, "gid": 2**32 - 2},
    ),
    "a comment for all members": (
        raw_tar.pax([(b"comment", b"of git archive")], b"g") + raw_tar.header(b"f"),
        {"extended": (), "name": "/f"},
    ),
    "a program's capabilities": (
        raw_tar.pax([(b"SCHILY.xattr.security.capability", b"x")]) + raw_tar.header(b"f"),
        {"capabilities": b"x", "attributes": (), "extended": (b"SCHILY.xattr.security.capability",)},
    ),
    "a directory's attributes": (
        raw_tar.pax([(b"SCHILY.xattr.user.b", b"2"), (b"SCHILY.acl.access", b"1"), (b"ctime", b"3")])
        + raw_tar.directory(b"d"),
        {
            "attributes": ((b"SCHILY.acl.access", b"1"), (b"SCHILY.xattr.user.b", b"2")),
            "extended": (b"SCHILY.acl.access", b"SCHILY.xattr.user.b", b"ctime"),
        },
    ),
    "two headers of records": (
        raw_tar.pax([(b"path", b"a"), (b"uid", b"1")]) + raw_tar.pax([(b"path", b"b")]) + raw_tar.header(b"f"),
        {"name": "/b", "uid": 1},
    ),
    "a record against GNU's way": (
        raw_tar.long_name(b"gnu") + raw_tar.long_name(b"t", b"K") + raw_tar.pax([(b"path", b"pax")])
        + raw_tar.symlink(b"f", b"x"),
        {"name": "/pax", "link": b"t"},
    ),
    "a prefix of old GNU tar, which is none": (
        raw_tar.header(b"f", prefix=b"x", magic=b"ustar  \0"), {"name": "/f"}
    ),
}  # fmt: skip


@pytest.mark.parametrize(("data", "said"), HEADERS.values(), ids=HEADERS)
def test_what_headers_say_together(data: bytes, said: dict[str, object]) -> None:
    member = first_member(data)
    assert {name: getattr(member, name) for name in said} == said


REFUSED = {
    "a size beyond the largest": (
        raw_tar.header(b"f", size=in_bytes(2**62 + 1)),
        f"has a file of {2**62 + 1} bytes: f",
    ),
    "a group that is none": (
        raw_tar.pax([(b"gid", b"4294967295")]) + raw_tar.header(b"f"),
        "f has an owner beyond 4294967294",
    ),
    "an owner of seven bytes": (
        raw_tar.header(b"f", uid=b"\x80" + (2**48).to_bytes(7, "big")),
        "f has an owner beyond 4294967294",
    ),
    "two sizes": (
        raw_tar.pax([(b"size", b"%d" % (8**11 - 1))]) + raw_tar.header(b"f", size=5),
        f"has a pax size of {8**11 - 1} against 5 in the header",
    ),
    "a size of twenty digits": (
        raw_tar.pax([(b"size", b"5".zfill(20))]) + raw_tar.header(b"f"),
        "has a malformed pax size: b'00000000000000000005'",
    ),
    "an owner of twenty digits": (
        raw_tar.pax([(b"uid", b"5".zfill(20))]) + raw_tar.header(b"f"),
        "has a malformed pax uid: b'00000000000000000005'",
    ),
    "a path for all members": (
        raw_tar.pax([(b"path", b"x"), (b"comment", b"y")], b"g") + raw_tar.header(b"f"),
        "has a global pax header",
    ),
    "a negative size": (raw_tar.header(b"f", size=b"\xff" * 12), "has a negative or malformed size"),
    "an owner in bytes of no form": (raw_tar.header(b"f", uid=b"\x81" * 8), "has a negative or malformed uid"),
    "a mode that is not a number": (raw_tar.header(b"f", mode=b"12x"), "has a malformed mode: b'12x'"),
    "a time that is not a number": (raw_tar.header(b"f", mtime=b"9"), "has a malformed mtime: b'9'"),
    "a FIFO with content": (raw_tar.header(b"f", b"6", size=1), "has a FIFO of 1 bytes: f"),
    "one block of zeros": (bytes(512) + raw_tar.header(b"f"), "does not end with two blocks of zeros"),
    "content after its end": (bytes(1024) + b"\0\1", "has something after its end"),
    "an end within a header": (raw_tar.header(b"f")[:511], "ends inside a header, at byte 511"),
    "an end after a record": (raw_tar.long_name(b"f") + bytes(1024), "ends after an extension header"),
}


@pytest.mark.parametrize(("data", "message"), REFUSED.values(), ids=REFUSED)
def test_what_readers_would_read_in_two_ways_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError) as caught:
        members_of(data)
    assert str(caught.value) == message


def test_an_archive_that_may_end_without_its_end_does_not_end_within_a_member() -> None:
    for data, where in (
        (raw_tar.header(b"f")[:511], "inside a header, at byte 511"),
        (raw_tar.long_name(b"f"), "without its end blocks, at byte 1024"),
    ):
        with pytest.raises(MalformedError, match=f"^ends {where}$"):
            list(read_members(ChunkStream(iter([data])), DEFAULT_LIMITS, end_required=False))


def test_a_mebibyte_may_follow_the_end_and_be_in_an_extension() -> None:
    assert members_of(raw_tar.END + bytes(1 << 20), chunk=70_000) == []
    with pytest.raises(MalformedError, match=r"^has more than 1048576 bytes of padding$"):
        members_of(raw_tar.END + bytes((1 << 20) + 1), chunk=70_000)
    longest = raw_tar.raw_pax(b"1048576 comment=".ljust((1 << 20) - 1) + b"\n")
    assert first_member(longest + raw_tar.header(b"f")).extended == (b"comment",)
    with pytest.raises(MalformedError, match=r"^has an extension header of 1048577 bytes$"):
        first_member(raw_tar.raw_pax(b"1048577 comment=".ljust(1 << 20) + b"\n") + raw_tar.header(b"f"))

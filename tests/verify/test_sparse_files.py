"""Files with holes: in each of GNU tar's three forms the same content, whatever is between the data."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.verify.chunk_stream import ChunkStream
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from sysimage.verify.tar import TarMember, read_members
from tests.support import raw_tar

Parts = list[tuple[int, int]]
"""Bytes of a hole, and bytes of data after it."""
parts = st.lists(st.tuples(st.sampled_from([0, 0, 1, 700, 1 << 20, 3_000_000]), st.integers(0, 600)), max_size=4)


def sparse(form: str, parts: Parts, end: int, name: bytes = b"f") -> tuple[bytes, bytes]:
    """A member, and the content that it stands for; ``end`` is how long the last hole is."""
    numbers: list[int] = []
    content = data = b""
    for number, (hole, length) in enumerate(parts):
        segment = bytes([number + 65]) * length
        numbers += [len(content) + hole, length]
        content += bytes(hole) + segment
        data += segment
    content += bytes(end)
    size = b"%d" % len(content)
    prefix = b"GNU.sparse."
    if form == "1.0":
        lines = b"".join(b"%d\n" % number for number in (len(parts), *numbers))
        records = [(b"major", b"1"), (b"minor", b"0"), (b"realsize", size)]
        data = raw_tar.padded(lines) + data
    elif form == "0.1":
        records = [(b"major", b"0"), (b"minor", b"1"), (b"size", size), (b"map", b",".join(b"%d" % n for n in numbers))]
    else:
        pairs = [(b"numbytes" if at % 2 else b"offset", b"%d" % number) for at, number in enumerate(numbers)]
        records = [(b"size", size), *(pairs or [(b"map", b"")])]
    records.append((b"name", name))
    header = raw_tar.pax([(prefix + key, value) for key, value in records])
    return header + raw_tar.file(b"GNUSparseFile.1/f", data), content


def members_of(data: bytes, limits: Limits = DEFAULT_LIMITS, *, read: bool = True) -> list[tuple[TarMember, bytes]]:
    stream = ChunkStream(iter([data]))
    return [(one, b"".join(one.content(stream)) if read else b"") for one in read_members(stream, limits)]


@pytest.mark.parametrize("form", ["0.0", "0.1", "1.0"])
@settings(max_examples=20, deadline=None)
@given(parts=parts, end=st.sampled_from([0, 1, 2_000_000]))
def test_the_content_is_the_data_with_zeros_between(form: str, parts: Parts, end: int) -> None:
    member, content = sparse(form, parts, end)
    data = raw_tar.archive(member, raw_tar.file(b"next", b"after"))
    (first, found), (second, after) = members_of(data)
    assert found == content
    assert (first.name, first.size, first.extended) == ("/f", len(content), ())
    assert first.stored == sum(length for _, length in parts)
    assert (second.name, second.segments, after) == ("/next", None, b"after")
    assert [one.name for one, _ in members_of(data, read=False)] == ["/f", "/next"], "left unread, it is skipped"


@pytest.mark.parametrize(("segments", "blocks"), [(1, 1), (60, 1), (70, 2), (140, 3)])
def test_a_map_before_the_data_may_be_as_long_as_a_header(segments: int, blocks: int) -> None:
    member, content = sparse("1.0", [(1000, 1)] * segments, 0)
    data = raw_tar.archive(member)
    assert members_of(data, Limits(extended_header=512 * blocks))[0][1] == content
    with pytest.raises(MalformedError, match=r"^has a malformed map of a sparse file$"):
        members_of(data, Limits(extended_header=512 * blocks - 1))


def test_the_holes_of_an_archive_may_be_as_large_as_all_layers_and_no_larger() -> None:
    data = raw_tar.archive(*[sparse("0.1", [(hole, 7)], 0)[0] for hole in (600, 424)])
    assert len(members_of(data, Limits(uncompressed_size=1024))) == 2
    with pytest.raises(MalformedError, match=r"^has holes of more than 1023 bytes in its files$"):
        members_of(data, Limits(uncompressed_size=1023))

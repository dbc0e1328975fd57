"""Where images are: the files in an archive and in a directory, by their names, and no others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import IntegrityError
from sysimage.verify.image_source import ImageSource, LayoutImageSource, TarImageSource
from sysimage.verify.issue_collector import MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS, Limits
from tests.support import raw_tar
from tests.support.raw_image import gzipped, write_archive, write_directory

FILES = {"index.json": b"{}", "blobs/sha256/b": b"b" * 600, "a": b"", "z": b"last"}


def opened(form: str, place: Path) -> ImageSource:
    if form == "directory":
        return LayoutImageSource(write_directory(FILES, place / "layout"))
    path = write_archive(FILES, place / "image.tar")
    if form == "compressed":
        path.write_bytes(gzipped(path.read_bytes()))
    return TarImageSource(path, DEFAULT_LIMITS)


@pytest.mark.parametrize("form", ["archive", "compressed", "directory"])
def test_files_are_found_by_their_names_and_read_as_they_are(form: str, tmp_path: Path) -> None:
    with opened(form, tmp_path) as source:
        assert source.complete is (form != "directory"), "a directory may have other images' files"
        assert source.distant is False
        assert source.names() == tuple(sorted(name for name in FILES if form != "directory" or "/" not in name))
        for name, data in FILES.items():
            assert source.size(name) == len(data)
            assert b"".join(source.chunks(name)) == source.read(name, len(data)) == data
            with pytest.raises(MalformedError) as caught:
                source.read(name, len(data) - 1)
            said = f"has {len(data)} bytes in {name}; more than {len(data) - 1} are not read"
            assert str(caught.value) == said
        for name in ("b", "blobs", "blobs/sha256/a", "a/b", "/index.json"):
            assert source.size(name) is None
            with pytest.raises(MalformedError, match=f"^has no file {name}$"):
                source.read(name, 100)


def test_in_a_directory_only_regular_files_are_files(tmp_path: Path) -> None:
    layout = write_directory(FILES, tmp_path / "layout")
    (layout / "link").symlink_to("z")
    (layout / "above").symlink_to("blobs")
    os.mkfifo(layout / "fifo")
    with LayoutImageSource(layout) as source:
        assert source.names() == ("a", "index.json", "z")
        assert [source.size(name) for name in ("link", "above/sha256/b", "fifo", "blobs")] == [None] * 4
        with pytest.raises(OSError, match="fifo is not a regular file"):
            next(source.chunks("fifo"))


@pytest.mark.parametrize("form", ["archive", "directory"])
def test_a_file_that_was_cut_short_meanwhile_ends_where_it_ends(form: str, tmp_path: Path) -> None:
    data = os.urandom((1 << 20) + 10)
    files = {"a": data}
    if form == "directory":
        path = write_directory(files, tmp_path / "layout")
        source: ImageSource = LayoutImageSource(path)
        path = path / "a"
    else:
        path = write_archive(files, tmp_path / "a.tar")
        source = TarImageSource(path, DEFAULT_LIMITS)
    with source:
        chunks = source.chunks("a")
        first = next(chunks)
        assert (first, len(first)) == (data[: len(first)], 1 << 20)
        os.truncate(path, 1 << 20)
        assert sum(map(len, chunks)) == 0


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 511, 512, 64_511, 64_512, 65_024, 65_536, 70_000, 200_000]), max_size=6))
def test_members_of_any_sizes_are_found_at_their_places(sizes: list[int]) -> None:
    files = {f"{number}": bytes([number + 1]) * size for number, size in enumerate(sizes)}
    path = Path(f"/proc/self/fd/{os.memfd_create('archive')}")
    try:
        write_archive(files, path)
        with TarImageSource(path, DEFAULT_LIMITS) as source:
            assert {name: b"".join(source.chunks(name)) for name in source.names()} == files
    finally:
        os.close(int(path.name))


@pytest.mark.parametrize("kind", ["symlinks", "hard links"])
def test_links_in_an_archive_are_followed_eight_times_and_no_further(kind: str, tmp_path: Path) -> None:
    make = raw_tar.symlink if kind == "symlinks" else raw_tar.hard_link
    links = [make(b"%d" % number, b"%d" % (number - 1)) for number in range(9, 0, -1)]
    with TarImageSource(write_archive({"0": b"x"}, tmp_path / "a.tar", extra=b"".join(links)), DEFAULT_LIMITS) as found:
        assert found.names() == tuple("012345678")
        assert {b"".join(found.chunks(name)) for name in found.names()} == {b"x"}


def test_a_symlink_leads_from_its_directory_and_a_hard_link_from_the_top(tmp_path: Path) -> None:
    links = [raw_tar.symlink(b"d/soft", b"file"), raw_tar.hard_link(b"d/hard", b"file")]
    path = write_archive({"file": b"top", "d/file": b"below"}, tmp_path / "a.tar", extra=b"".join(links))
    with TarImageSource(path, DEFAULT_LIMITS) as source:
        assert (source.read("d/soft", 9), source.read("d/hard", 9)) == (b"below", b"top")


REFUSED = {
    "a device": (raw_tar.header(b"null", b"3"), "has a character device at null, where only files belong"),
    "a name twice": (raw_tar.directory(b"a"), "has two members a"),
    "holes": (
        raw_tar.pax([(b"GNU.sparse.map", b"0,3"), (b"GNU.sparse.size", b"9")]) + raw_tar.file(b"hole", b"abc"),
        "has a sparse file at hole, where only whole files belong",
    ),
    "nothing at its end": (raw_tar.header(b"f", size=4096), "ends 3072 bytes early, inside a file's content"),
}


@pytest.mark.parametrize(("extra", "message"), REFUSED.values(), ids=REFUSED)
def test_what_no_archive_of_an_image_holds_is_named(extra: bytes, message: str, tmp_path: Path) -> None:
    path = write_archive(FILES, tmp_path / "a.tar", extra=extra)
    with pytest.raises(IntegrityError) as caught:
        TarImageSource(path, DEFAULT_LIMITS)
    assert caught.value.message == f"cannot read {path}: the archive {message}"


def test_an_archive_may_become_as_large_as_the_limit_and_no_larger(tmp_path: Path) -> None:
    path = write_archive(FILES, tmp_path / "a.tar")
    plain = path.read_bytes()
    path.write_bytes(gzipped(plain))
    with TarImageSource(path, Limits(uncompressed_size=len(plain))) as source:
        assert source.read("z", 4) == b"last"
    with pytest.raises(IntegrityError) as caught:
        TarImageSource(path, Limits(uncompressed_size=len(plain) - 1))
    assert caught.value.message == f"cannot read {path}: the archive grows beyond what an image may have"

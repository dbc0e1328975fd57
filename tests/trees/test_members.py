"""Directories and archives are read as the same members."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import pyzstd

from sysimage.errors import SpecError
from sysimage.trees.members import DIRECTORY, FILE, LINK, OTHER, archive_state, members

FILES = {
    "of-others": (b"", 0o611),
    "own": (b"", 0o700),
    "run": (b"#!/bin/sh\n", 0o755),
    "static/page.html": (b"page", 0o644),
}


def nothing(path: str, is_directory: bool) -> bool:
    return False


def of_directory(top: Path) -> Path:
    for path, (content, mode) in FILES.items():
        (top / "dist" / path).parent.mkdir(parents=True, exist_ok=True)
        (top / "dist" / path).write_bytes(content)
        (top / "dist" / path).chmod(mode)
    if not (top / "dist/start").is_symlink():
        (top / "dist/start").symlink_to("run")
    return top / "dist"


def tar(top: Path, name: str, mode: str = "w") -> Path:
    with tarfile.open(top / name, mode) as archive:  # type: ignore[call-overload]
        archive.add(of_directory(top), "./")
    return top / name


def of_zstd(top: Path) -> Path:
    plain = tar(top, "plain.tar")
    (top / "dist.tar.zst").write_bytes(pyzstd.compress(plain.read_bytes()))
    return top / "dist.tar.zst"


def of_mode(name: str, mode: int) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name)
    found.create_system, found.external_attr = 3, mode << 16
    return found


def of_zip(top: Path) -> Path:
    of_directory(top)
    with zipfile.ZipFile(top / "dist.zip", "w") as archive:
        for path in FILES:
            archive.write(top / "dist" / path, path)
        archive.writestr(of_mode("start", stat.S_IFLNK | 0o777), "run")
        archive.mkdir("static")
        archive.writestr("./", "")
    return top / "dist.zip"


SOURCES: list[Callable[[Path], Path]] = [
    of_directory,
    lambda top: tar(top, "dist.tar"),
    lambda top: tar(top, "dist.tar.gz", "w:gz"),
    lambda top: tar(top, "dist.tar.bz2", "w:bz2"),
    lambda top: tar(top, "dist.tar.xz", "w:xz"),
    of_zstd,
    of_zip,
]


@pytest.mark.parametrize("make", SOURCES)
def test_every_kind_of_source_gives_the_same_members(make: Callable[[Path], Path], tmp_path: Path) -> None:
    found = {}
    for member in members(make(tmp_path), nothing):
        content = member.open().read() if member.kind == FILE else b""
        found[member.path] = (member.kind, member.executable, member.target, content)
    assert found == {
        "of-others": (FILE, False, "", b""),
        "own": (FILE, True, "", b""),
        "run": (FILE, True, "", b"#!/bin/sh\n"),
        "start": (LINK, False, "run", b""),
        "static": (DIRECTORY, False, "", b""),
        "static/page.html": (FILE, False, "", b"page"),
    }


def test_what_is_skipped_is_not_looked_into(tmp_path: Path) -> None:
    asked: list[tuple[str, bool]] = []

    def skip(path: str, is_directory: bool) -> bool:
        asked.append((path, is_directory))
        return path == "static"

    there = of_directory(tmp_path)
    for archive in (tar(tmp_path, "a.tar"), of_zip(tmp_path)):
        found = {one.path for one in members(archive, skip)}
        assert found == {"of-others", "own", "run", "start", "static/page.html"}, "it may name what is in it first"
        assert sorted(asked) == sorted([*((path, False) for path in found), ("static", True)])
        asked.clear()
    assert [one.path for one in members(there, skip)] == ["of-others", "own", "run", "start"]
    assert asked == [("of-others", False), ("own", False), ("run", False), ("start", False), ("static", True)]


def test_a_hard_link_of_an_archive_is_another_name_of_the_earlier_member(tmp_path: Path) -> None:
    top = of_directory(tmp_path)
    os.link(top / "run", top / "also")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(top / "run", "./run")
        archive.add(top / "also", "also")
    assert [(one.path, one.same_as) for one in members(tmp_path / "a.tar", nothing)] == [("run", ""), ("also", "run")]


def test_devices_are_members_that_no_tree_can_have(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        device = tarfile.TarInfo("device")
        device.type = tarfile.CHRTYPE
        archive.addfile(device)
    assert [one.kind for one in members(tmp_path / "a.tar", nothing)] == [OTHER]
    assert [one.kind for one in members(tmp_path, nothing)] == [FILE, OTHER]


@pytest.mark.parametrize("make", SOURCES[1:])
def test_an_archive_that_is_cut_off_is_an_error_that_names_it(make: Callable[[Path], Path], tmp_path: Path) -> None:
    whole = make(tmp_path)
    data = whole.read_bytes()
    for size in (len(data) // 3, len(data) // 4):
        whole.write_bytes(data[:size])
        with pytest.raises(SpecError, match=f"cannot read the tree {whole}"):
            [member.open().read() for member in members(whole, nothing)]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.zst"])
def test_an_archive_ends_where_no_header_has_begun(name: str, tmp_path: Path) -> None:
    """Everything in a block of 512 bytes, the content of one file alone."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for path in ("a", "b"):
            member = tarfile.TarInfo(path)
            member.size = 512
            archive.addfile(member, io.BytesIO(bytes(512)))
    whole = data.getvalue()
    pack = pyzstd.compress if name.endswith(".zst") else bytes
    for size in (*range(1, 8), *range(1017, 1032), *range(1535, 1538), 2047, 2048, 2560, len(whole)):
        (tmp_path / name).write_bytes(pack(whole[:size]))
        if size in (1024, 2048) or size > 2048:
            assert [one.path for one in members(tmp_path / name, nothing)] == ["a", "b"][: size // 1024]
        else:
            with pytest.raises(SpecError) as caught:
                list(members(tmp_path / name, nothing))
            said = "truncated header" if size % 1024 < 512 else "unexpected end of data"
            assert caught.value.message.endswith(f"it is not an archive that can be read: {said}")


def test_an_archive_does_not_end_at_a_damaged_header(tmp_path: Path) -> None:
    whole = bytearray(tar(tmp_path, "a.tar").read_bytes())
    with tarfile.open(tmp_path / "a.tar") as archive:
        second = archive.getmembers()[1].offset
    whole[second] ^= 1
    (tmp_path / "a.tar").write_bytes(whole)
    with pytest.raises(SpecError, match=r"it is not an archive that can be read: bad checksum$"):
        list(members(tmp_path / "a.tar", nothing))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        *((name, "invalid header") for name in ("a.tar", "a.tar.gz", "a.tar.xz", "a", "a.ZIP")),
        ("a.tar.zst", "Unable to decompress Zstandard data: Unknown frame descriptor"),
        ("a.zip", "File is not a zip file"),
    ],
)
def test_what_is_not_an_archive_is_an_error(name: str, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"no archive at all" * 100)
    with pytest.raises(SpecError) as caught:
        list(members(tmp_path / name, nothing))
    said = f"cannot read the tree {tmp_path / name}: it is not an archive that can be read: {why}"
    assert caught.value.message == said


def test_what_is_not_there_or_cannot_be_read_is_an_error_with_its_path(tmp_path: Path) -> None:
    for name in ("none", "none.tar", "none.zip", "none.tar.zst"):
        with pytest.raises(SpecError) as caught:
            list(members(tmp_path / name, nothing))
        place = tmp_path / name
        assert caught.value.message == f"cannot read the tree {place}: No such file or directory: {place}"
        with pytest.raises(SpecError) as caught:
            archive_state(place)
        assert caught.value.message == f"cannot read the tree {place}: No such file or directory: {place}"


def test_names_in_a_directory_come_in_the_order_of_their_bytes(tmp_path: Path) -> None:
    names = [b"\xc3\xa4", b"a", b"\xff", b"B", b"a-", b"b", b"\xee\x80\x80", b"\xf0\x9f\x98\x80"]
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    assert [os.fsencode(one.path) for one in members(tmp_path, nothing)] == sorted(names)


@pytest.mark.parametrize(
    ("mode", "kind", "executable"),
    [
        (0, FILE, False),  # as DOS has it
        (0o755, FILE, True),
        (0o655, FILE, False),
        (stat.S_IFREG | 0o100, FILE, True),
        (stat.S_IFIFO | 0o755, OTHER, False),
        (stat.S_IFDIR | 0o755, OTHER, False),  # its name ends with a slash, if it is one
    ],
)
def test_the_mode_in_a_zip_says_what_a_member_is(mode: int, kind: str, executable: bool, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(of_mode("./a//b", mode), "x")
    (found,) = members(tmp_path / "a.zip", nothing)
    assert (found.path, found.kind, found.executable) == ("a/b", kind, executable)


def test_names_that_lead_out_are_left_for_the_selection_to_refuse(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("/etc/passwd", "//x", "../up", "a/../b", "./a/./b"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert [one.path for one in members(tmp_path / "a.tar", nothing)] == [
        *("/etc/passwd", "//x", "../up", "a/../b", "a/b")
    ]

"""Directories and archives are read as the same members."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import pyzstd

from sysimage.errors import SpecError
from sysimage.trees.members import DIRECTORY, FILE, LINK, OTHER, members

FILES = {"run": (b"#!/bin/sh\n", 0o755), "static/page.html": (b"page", 0o644)}


def nothing(path: str, is_directory: bool) -> bool:
    return False


def of_directory(top: Path) -> Path:
    for path, (content, mode) in FILES.items():
        (top / "dist" / path).parent.mkdir(parents=True, exist_ok=True)
        (top / "dist" / path).write_bytes(content)
        (top / "dist" / path).chmod(mode)
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


def of_zip(top: Path) -> Path:
    of_directory(top)
    with zipfile.ZipFile(top / "dist.zip", "w") as archive:
        for path in FILES:
            archive.write(top / "dist" / path, path)
        link = zipfile.ZipInfo("start")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "run")
        archive.mkdir("static")
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

    assert [one.path for one in members(of_directory(tmp_path), skip)] == ["run", "start"]
    assert asked == [("run", False), ("start", False), ("static", True)]


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
    whole.write_bytes(data[: len(data) // 3])
    with pytest.raises(SpecError, match=f"cannot read the tree {whole}"):
        [member.open().read() for member in members(whole, nothing)]


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz", "a.tar.zst", "a.zip"])
def test_what_is_not_an_archive_is_an_error(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"no archive at all" * 100)
    with pytest.raises(SpecError, match="cannot read the tree"):
        list(members(tmp_path / name, nothing))


def test_names_that_lead_out_are_left_for_the_selection_to_refuse(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in ("/etc/passwd", "../up", "./a/./b"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    assert [one.path for one in members(tmp_path / "a.tar", nothing)] == ["/etc/passwd", "../up", "a/b"]

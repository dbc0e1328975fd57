"""Account files and derivations are read where their links lead, and nothing beside them is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.bases import BaseImage
from sysimage.bases.read import read_base_image
from sysimage.errors import IntegrityError
from sysimage.verify.limits import Limits
from tests.support.raw_image import RawImage, write_archive
from tests.support.raw_tar import archive, directory, file, symlink

PASSWD = b"root:x:0:0::/root:/bin/sh\n"
MOST = 1000


def base_with(tmp_path: Path, *members: bytes) -> BaseImage:
    linked = archive(directory(b"etc"), symlink(b"etc/passwd", b"../accounts"), *members)
    path = write_archive(RawImage(linked).layout(), tmp_path / "base.tar")
    return read_base_image(path, "linux/amd64", "/gnu/store", limits=Limits(captured_file=MOST))


def test_a_file_that_a_link_leads_to_is_found_however_large_those_beside_it_are(tmp_path: Path) -> None:
    base = base_with(tmp_path, file(b"before", bytes(MOST + 1)), file(b"accounts", PASSWD), file(b"z", bytes(MOST + 1)))
    assert base.account_files["passwd"].content == PASSWD


def test_of_what_comes_twice_at_the_place_the_last_counts(tmp_path: Path) -> None:
    base = base_with(tmp_path, directory(b"accounts"), file(b"accounts", b"x"), file(b"accounts", PASSWD))
    assert base.account_files["passwd"].content == PASSWD


def test_a_file_that_a_link_leads_to_is_read_up_to_the_limit_and_refused_beyond(tmp_path: Path) -> None:
    largest = PASSWD.ljust(MOST - 1, b"#") + b"\n"
    assert base_with(tmp_path, file(b"accounts", largest)).account_files["passwd"].content == largest
    with pytest.raises(IntegrityError, match="has /accounts with 1001 bytes, too many to be believed"):
        base_with(tmp_path, file(b"accounts", bytes(MOST + 1)))

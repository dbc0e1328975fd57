"""Which package of a source is fetched for its changelog, and where it is in the package."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from sysimage.compare.compared_contents import HeldPackage
from sysimage.compare.difference import PackageChange
from sysimage.compare.fixes import changelog_of, fixes
from sysimage_bootstrap.archive.package import Package
from tests.bootstrap.debs.made_debs import Member, control, deb_bytes, package_of, symlink

LOG = gzip.compress(
    b"a (2) trixie; urgency=high\n\n  * CVE-2026-1111\n\n -- A <a@b>  Tue, 01 Sep 2026 10:00:00 +0000\n"
)
OTHER = gzip.compress(b"other")
DOC = "./usr/share/doc"


def made(folder: Path, name: str, *members: Member) -> Package:
    deb = deb_bytes(name, list(members), control_text=control(name, "2"))
    (folder / name).write_bytes(deb)
    return package_of(name, deb, version="2", source="a")


@pytest.mark.parametrize(
    ("members", "found"),
    [
        ([Member(f"{DOC}/a/changelog.Debian.gz", LOG), Member(f"{DOC}/a/changelog.gz", OTHER)], LOG),
        ([Member(f"{DOC}/a/changelog.gz", OTHER), Member(f"{DOC}/a/changelog.Debian.gz", LOG)], LOG),
        ([Member(f"{DOC}/a/changelog.gz", LOG)], LOG),
        ([Member(f"{DOC}/a/NEWS.gz", LOG), Member(f"{DOC}/b/changelog.Debian.gz", LOG)], None),
        ([symlink(f"{DOC}/a/changelog.Debian.gz", "../b/changelog.Debian.gz")], None),
        ([], None),
    ],
)
def test_the_changelog_of_the_packaging_counts(tmp_path: Path, members: list[Member], found: bytes | None) -> None:
    assert changelog_of(made(tmp_path, "a", *members), tmp_path / "a") == found


def test_of_each_source_the_smallest_package_is_fetched_first_and_only_for_what_goes_up(tmp_path: Path) -> None:
    log = Member(f"{DOC}/a-big/changelog.Debian.gz", LOG)
    new = {
        one.name: one
        for one in (
            made(tmp_path, "a-big", log, Member("./usr/x", bytes(range(256)) * 99)),
            made(tmp_path, "a-small", symlink(f"{DOC}/a-small", "a-big")),
            made(tmp_path, "same-source", symlink(f"{DOC}/same-source", "a-big"), Member("./usr/x", b"x" * 999)),
        )
    }
    old = {name: HeldPackage(name, "1", "amd64", "a", "1") for name in (*new, "gone", "unknown")}
    changes = [
        PackageChange("a-big", "up", "1", "2", "a"),
        PackageChange("a-small", "up", "1", "2", "a"),
        PackageChange("same-source", "down", "3", "2", "a"),
        PackageChange("gone", "removed", "1", None, "gone"),
        PackageChange("unknown", "up", "1", "2", "unknown"),
    ]
    rounds: list[list[str]] = []

    def fetch(packages: Iterable[Package]) -> Mapping[Package, Path]:
        wanted = list(packages)
        rounds.append([package.name for package in wanted])
        return {package: tmp_path / package.name for package in wanted}

    assert fixes(changes, old, new, fetch) == {"a-big": ("CVE-2026-1111",), "a-small": ("CVE-2026-1111",)}
    assert rounds == [["a-small"], ["a-big"]]
    rounds.clear()
    sourceless = [PackageChange("a-small", "up", "1", "2", "")]
    assert fixes(sourceless, old, new, fetch) == {}, "a package that links to another's changelog has none of its own"
    assert rounds == [["a-small"]]

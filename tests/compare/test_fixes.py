"""CVE numbers of an update, from the changelogs that packages carry."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path

from sysimage.compare.compared_contents import HeldPackage
from sysimage.compare.difference import compare_packages
from sysimage.compare.fixes import fixes
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debs.changelog import fixed_since
from tests.bootstrap.debs.made_debs import Member, control, deb_bytes, package_of, symlink

CHANGELOG = """\
nginx (1.26-3+deb13u2) trixie-security; urgency=high

  * Fix CVE-2026-10002, and again cve-2026-10002 (Closes: #1)

 -- A Maintainer <a@example.org>  Tue, 01 Sep 2026 10:00:00 +0000

nginx (1.26-3+deb13u1) trixie-security; urgency=high

  * CVE-2026-9, which is not a number; CVE-2025-0099.

 -- A Maintainer <a@example.org>  Mon, 02 Mar 2026 10:00:00 +0000

nginx (1.26-3) unstable; urgency=medium

  * CVE-2024-1111

 -- A Maintainer <a@example.org>  Thu, 02 Jan 2025 10:00:00 +0000
"""


def held(name: str, version: str, source: str) -> HeldPackage:
    return HeldPackage(name, version, "amd64", source, version)


def test_entries_after_the_old_version_count() -> None:
    data = gzip.compress(CHANGELOG.encode())
    assert fixed_since(data, "1.26-3") == ("CVE-2025-0099", "CVE-2026-10002")
    assert fixed_since(data, "1.26-3+deb13u1+b1") == ("CVE-2026-10002",)
    assert fixed_since(data, "1.26-3+deb13u2") == ()
    assert fixed_since(data, "0") == ("CVE-2024-1111", "CVE-2025-0099", "CVE-2026-10002")
    assert fixed_since(b"no gzip", "0") == ()


def test_packages_of_one_source_share_the_changelog_that_one_of_them_carries(tmp_path: Path) -> None:
    version = "1.26-3+deb13u2"
    folder = "./usr/share/doc"
    link = deb_bytes("nginx", [symlink(f"{folder}/nginx", "nginx-common")], control_text=control("nginx", version))
    whole = Member(f"{folder}/nginx-common/changelog.Debian.gz", gzip.compress(CHANGELOG.encode()))
    common = deb_bytes("nginx-common", [whole], control_text=control("nginx-common", version))
    new: dict[str, Package] = {}
    for name, deb in (("nginx", link), ("nginx-common", common)):
        (tmp_path / name).write_bytes(deb)
        new[name] = package_of(name, deb, version=version, source="nginx")
    fetched: list[str] = []

    def fetch(packages: Iterable[Package]) -> Mapping[Package, Path]:
        wanted = list(packages)
        fetched.extend(package.name for package in wanted)
        return {package: tmp_path / package.name for package in wanted}

    old = {name: held(name, "1.26-3+deb13u1", "nginx") for name in new} | {"gone": held("gone", "1", "gone")}
    after = {name: held(name, version, "nginx") for name in new} | {"come": held("come", "1", "come")}
    changes = compare_packages(old, after)
    assert [(one.name, one.change) for one in changes] == [
        ("come", "added"),
        ("gone", "removed"),
        ("nginx", "up"),
        ("nginx-common", "up"),
    ]
    found = fixes(changes, old, new, fetch)
    assert found == {"nginx": ("CVE-2026-10002",), "nginx-common": ("CVE-2026-10002",)}
    assert fetched == ["nginx", "nginx-common"]  # the smaller one first, which only links to the other's


def test_a_lower_version_fixes_nothing() -> None:
    changes = compare_packages({"a": held("a", "2", "a")}, {"a": held("a", "1~rc1", "a")})
    assert [(one.change, one.old, one.new) for one in changes] == [("down", "2", "1~rc1")]
    assert fixes(changes, {}, {}, lambda packages: {}) == {}

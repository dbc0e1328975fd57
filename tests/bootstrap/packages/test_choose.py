"""Where the packages of a system come from: its lock, what was worked out before, or the archive's lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import LockError, SpecError
from sysimage.notices import listen_to_notices
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.packages.choose import choose_packages, lock_packages
from sysimage_bootstrap.packages.default_packages import (
    ESSENTIAL,
    EVERYWHERE,
    base_packages,
    build_only,
    excluded_packages,
)
from sysimage_bootstrap.packages.lock import LockedBase, read_lock
from sysimage_bootstrap.packages.package_request import PackageRequest
from tests.bootstrap.archive.fake_archive import stanza
from tests.bootstrap.packages.fixed_archive import archive_of

ASKED = PackageRequest("amd64", ("nginx",), essential=False)
LISTS = (stanza("nginx", "1", depends="libc6"), stanza("libc6", "2"), stanza("jq", "3"))


def closed() -> Any:
    raise AssertionError("the archive is asked")


def names(found: Any) -> list[str]:
    return [package.name for package in found.resolution.packages]


def test_with_a_lock_the_archive_is_not_asked(tmp_path: Path) -> None:
    place = tmp_path / "x.lock.json"
    lock = lock_packages(ASKED, archive_of(tmp_path, *LISTS))
    lock.write(place)
    before = place.read_bytes()
    for more in ({}, {"locked": True}, {"stale": "update"}, {"stale": "preview"}):
        found = choose_packages(ASKED, closed, place, **more)
        assert (found.resolution, found.is_locked) == (read_lock(place).resolution, True)
    assert place.read_bytes() == before


def test_a_lock_that_is_demanded_has_to_be_named_and_there(tmp_path: Path) -> None:
    with pytest.raises(LockError) as caught:
        choose_packages(ASKED, closed, None, locked=True)
    assert (str(caught.value), caught.value.hint) == ("cannot build what is locked: no lock file is named", "name one")
    with pytest.raises(LockError, match="it is missing"):
        choose_packages(ASKED, closed, tmp_path / "x.lock.json", locked=True)


def test_without_a_lock_lists_are_opened_when_they_or_the_request_are_new(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, *LISTS)
    for place in (None, tmp_path / "none.json"):
        found = choose_packages(ASKED, lambda: archive, place)
        assert (names(found), found.resolution.edges["nginx"], found.is_locked) == (
            *(["libc6", "nginx"], ("libc6",), False),
        )
        assert archive.opened == 1, "the second time it is known"
    other = choose_packages(replace(ASKED, packages=("jq",)), lambda: archive, None)
    assert (names(other), archive.opened) == (["jq"], 2)
    newer = archive_of(tmp_path, *LISTS[1:], stanza("nginx", "2"))
    assert (names(choose_packages(ASKED, lambda: newer, None)), newer.opened) == (["nginx"], 1)


def test_what_was_worked_out_before_is_worked_out_again_where_it_is_damaged(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, *LISTS)
    before = choose_packages(ASKED, lambda: archive, None)
    kept = [path for path in archive.cache_dir.rglob("*") if path.is_file()]
    assert kept
    for path in kept:
        path.write_text(path.read_text().replace("libc6", "lib"))
    assert names(choose_packages(ASKED, lambda: archive, None)) == names(before)


def test_an_update_says_so_and_keeps_what_is_not_a_package(tmp_path: Path) -> None:
    place = tmp_path / "x.lock.json"
    archive = archive_of(tmp_path, *LISTS)
    base, inputs = LockedBase("debian:13", Digest.of(b"x")), {"trees": {"/srv": str(Digest.of(b"t"))}}
    replace(lock_packages(ASKED, archive), base=base, inputs=inputs).write(place)
    more = replace(ASKED, packages=("nginx", "jq"))
    notices: list[str] = []
    with listen_to_notices(notices.append):
        assert names(choose_packages(more, lambda: archive, place, stale="preview")) == ["jq", "libc6", "nginx"]
    assert notices == []
    with listen_to_notices(notices.append):
        choose_packages(more, lambda: archive, place, stale="update")
    assert notices == [f"{place} was made for another request and has been brought up to date"]
    assert (read_lock(place).base, read_lock(place).inputs) == (base, inputs)


def test_packages_to_update_are_those_of_the_lock_or_of_the_request(tmp_path: Path) -> None:
    archive = archive_of(tmp_path, *LISTS)
    before = lock_packages(ASKED, archive)
    more = replace(ASKED, packages=("nginx", "jq (>= 1)"))
    assert names(lock_packages(more, archive, before=before, update=["jq", "libc6"])) == ["jq", "libc6", "nginx"]
    with pytest.raises(SpecError) as caught:
        lock_packages(more, archive, before=before, update=["libc5", "jq", "other"])
    assert [str(issue) for issue in caught.value.issues] == [
        "libc5: is neither in the lock file nor asked for (did you mean 'libc6'?)",
        "other: is neither in the lock file nor asked for",
    ]


def test_a_lock_keeps_nothing_of_a_suite_that_is_not_asked_for_any_more(tmp_path: Path) -> None:
    before = lock_packages(ASKED, archive_of(tmp_path, *LISTS))
    newer = archive_of(tmp_path, stanza("nginx", "2"), stanza("libc6", "3"))
    kept = lock_packages(ASKED, newer, before=before)
    assert [str(package) for package in kept.resolution.packages] == ["libc6 2", "nginx 1"]
    moved = lock_packages(replace(ASKED, suites=("sid",)), newer, before=before)
    assert [str(package) for package in moved.resolution.packages] == ["nginx 2"]


def test_a_version_that_the_lists_still_have_is_as_they_describe_it(tmp_path: Path) -> None:
    lists = archive_of(
        tmp_path, stanza("nginx", "1", depends="libc6 | musl"), stanza("libc6", "2"), stanza("musl", "1")
    )
    before = lock_packages(ASKED, lists)
    kept = lock_packages(replace(ASKED, exclude=frozenset({"libc6"})), lists, before=before)
    assert (before.resolution.edges["nginx"], kept.resolution.edges["nginx"]) == (("libc6",), ("musl",))
    assert kept.resolution.unmet == ()


def test_a_version_that_the_lists_have_no_more_provides_what_the_present_one_does(tmp_path: Path) -> None:
    asked = replace(ASKED, packages=("web", "mail"))
    old = archive_of(tmp_path, stanza("web", "1", depends="mta"), stanza("mail", "1", provides="mta"))
    newer = archive_of(tmp_path, stanza("web", "1", depends="mta"), stanza("mail", "2", provides="mta"))
    kept = lock_packages(asked, newer, before=lock_packages(asked, old))
    assert [str(package) for package in kept.resolution.packages] == ["mail 1", "web 1"]
    assert kept.resolution.edges["web"] == ("mail",)


def spec_of(**parts: Any) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], **parts})


PLAIN: dict[str, Any] = {"command": ["x"], "essential": False}
SHEPHERD = {"guile-3.0", "procps", "shepherd"}


@pytest.mark.parametrize(
    ("parts", "packages"),
    [
        (PLAIN, {"base-files", "base-passwd"}),
        ({**PLAIN, "time-zone": "Etc/UTC"}, {"base-files", "base-passwd"}),
        ({**PLAIN, "time-zone": "Europe/Oslo"}, {"base-files", "base-passwd", "tzdata"}),
        ({**PLAIN, "locale": "C.utf8"}, {"base-files", "base-passwd"}),
        ({**PLAIN, "locale": "nb_NO.UTF-8"}, {"base-files", "base-passwd", "locales-all"}),
        ({**PLAIN, "locale": "nb_NO.UTF-8", "packages": ["locales-all"]}, {"base-files", "base-passwd"}),
        ({"essential": False}, {"base-files", "base-passwd", *SHEPHERD}),
        ({"essential": False, "exclude": ["procps"]}, {"base-files", "base-passwd", "guile-3.0", "shepherd"}),
        ({}, {*ESSENTIAL, *EVERYWHERE, *SHEPHERD} - {"perl-base"}),
        ({"slim": False}, {*ESSENTIAL, *EVERYWHERE, *SHEPHERD}),
        ({"slim": False, "init": "systemd"}, {*ESSENTIAL, *EVERYWHERE, "procps", "systemd", "systemd-sysv"}),
    ],
)
def test_every_system_has_packages_beside_those_that_it_names(parts: dict[str, Any], packages: set[str]) -> None:
    assert base_packages(spec_of(**parts)) == tuple(sorted(packages))


@pytest.mark.parametrize(
    ("ask", "parts", "packages"),
    [
        (build_only, {"locale": "nb_NO.UTF-8"}, ("locales-all",)),
        (build_only, {"locale": "nb_NO.UTF-8", "packages": ["locales-all"]}, ()),
        (build_only, {}, ()),
        (excluded_packages, {}, {"dpkg", "init-system-helpers", "systemd", "systemd-sysv"}),
        (excluded_packages, {"init": "systemd", "exclude": ["jq"]}, {"dpkg", "init-system-helpers", "jq"}),
    ],
)
def test_some_packages_are_for_the_build_alone_and_some_never_there(
    ask: Callable[[SystemSpec], object], parts: dict[str, Any], packages: object
) -> None:
    assert ask(spec_of(**parts)) == packages

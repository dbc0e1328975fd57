"""The archive from the outside: what is believed, and what is kept."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, RegistryError, SpecError
from sysimage.files.checksummed_file import read_checksummed
from sysimage_bootstrap.archive import Archive, ArchiveOptions, ArchiveSource
from sysimage_bootstrap.packages.choose import choose_packages
from sysimage_bootstrap.packages.lock import LockFile, read_lock
from sysimage_bootstrap.packages.package_request import PackageRequest
from sysimage_bootstrap.packages.resolve import resolve
from tests.bootstrap.archive.conftest import OpenArchive
from tests.bootstrap.archive.fake_archive import NOW, FakeSuite, Keys, Server, deb_bytes, names, stanza

pytestmark = pytest.mark.programs

DAY = timedelta(days=1)
LIST = "main/binary-amd64/Packages"


def test_packages_come_with_what_their_list_says(suite: FakeSuite, open_archive: OpenArchive) -> None:
    (nginx,) = open_archive().packages("amd64").versions("nginx")
    assert (nginx.version, nginx.source, nginx.source_version, nginx.suite) == ("1:1.26-3", "nginx", "1.26", "trixie")
    assert [str(dependency) for dependency in nginx.depends] == ["libc6 (>= 2.38)", "nginx-common (= 1:1.26-3)"]
    assert nginx.size == len(deb_bytes("nginx", "1:1.26-3"))


def test_a_package_is_fetched_once_and_then_read_from_the_cache(
    suite: FakeSuite, server: Server, open_archive: OpenArchive
) -> None:
    (nginx,) = open_archive().packages("amd64").versions("nginx")
    path = open_archive().fetch([nginx])[nginx]
    assert path.read_bytes() == deb_bytes("nginx", "1:1.26-3")
    server.requests.clear()
    assert open_archive().fetch([nginx]) == {nginx: path}
    assert server.paths() == []


def test_lists_are_fetched_by_their_digest_so_that_an_update_under_way_does_no_harm(
    suite: FakeSuite, server: Server, open_archive: OpenArchive
) -> None:
    suite.put(f"{LIST}.xz", b"tomorrow's list")
    assert open_archive().packages("amd64").versions("nginx")
    assert [path for path in server.paths() if "by-hash" in path]


def test_an_archive_without_digest_names_is_asked_for_the_plain_name(
    suite: FakeSuite, server: Server, open_archive: OpenArchive
) -> None:
    suite.fields["Acquire-By-Hash"] = "no"
    suite.publish()
    assert open_archive().packages("amd64").versions("nginx")
    assert f"/debian/dists/trixie/{LIST}.xz" in server.paths()


def test_a_list_compressed_in_another_way_is_read(suite: FakeSuite, open_archive: OpenArchive) -> None:
    text = suite.packages[0].encode()
    for end, data in ((".gz", gzip.compress(text)), ("", text)):
        suite.put(LIST + end, data)
        suite.fields["Acquire-By-Hash"] = "no"
        suite.sign(suite.release({LIST + end: data}))
        assert open_archive(allow_rollback=True).packages("amd64").versions("libc6")


def test_a_second_look_reads_no_list_again(suite: FakeSuite, server: Server, open_archive: OpenArchive) -> None:
    open_archive().packages("amd64")
    server.requests.clear()
    assert open_archive().packages("amd64").versions("nginx")
    assert server.paths() == ["/debian/dists/trixie/InRelease"]


def test_an_unchanged_release_is_not_sent_again_where_the_server_knows_it(
    suite: FakeSuite, server: Server, open_archive: OpenArchive
) -> None:
    asked: list[str | None] = []

    def answer(handler: object, data: bytes) -> bool:
        asked.append(handler.headers.get("If-None-Match"))  # type: ignore[attr-defined]
        if asked[-1]:
            handler.reply(304, b"")  # type: ignore[attr-defined]
        else:
            handler.reply(200, data, ETag='"one"')  # type: ignore[attr-defined]
        return True

    server.faults["/debian/dists/trixie/InRelease"] = answer
    assert [open_archive().releases()[0].digest for _ in range(2)].count(open_archive().releases()[0].digest) == 2
    assert asked == [None, '"one"', '"one"']


def older_form(suite: FakeSuite) -> None:
    """The suite as archives have it that sign beside the Release alone."""
    release = suite.get("InRelease").partition(b"\n\n")[2].partition(b"-----BEGIN")[0]
    del suite.files[f"/{suite.root}/dists/{suite.name}/InRelease"]
    suite.put("Release", release)
    suite.put("Release.gpg", suite.keys.detached(release, *suite.signers))


def test_an_archive_that_signs_its_release_in_another_file_is_read(
    suite: FakeSuite, server: Server, open_archive: OpenArchive
) -> None:
    older_form(suite)
    assert open_archive().packages("amd64").versions("nginx")
    server.requests.clear()
    assert open_archive(offline=True).packages("amd64").versions("nginx")
    assert server.paths() == []


def test_an_archive_in_a_directory_is_read_in_either_form(
    suite: FakeSuite, server: Server, keyring: Path, tmp_path: Path
) -> None:
    for name in ("InRelease", "Release.gpg"):
        if name == "Release.gpg":
            older_form(suite)
        for path, data in suite.files.items():
            (tmp_path / name / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path[1:]).write_bytes(data)
        source = ArchiveSource((tmp_path / name / suite.root).as_uri(), suite.name, ("main",))
        archive = Archive([source], tmp_path / f"{name}.cache", ArchiveOptions(now=NOW), keyring)
        assert archive.packages("amd64").versions("nginx")


def test_a_release_that_is_not_the_signed_one_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    older_form(suite)
    suite.put("Release", suite.get("Release").replace(b"contrib", b"private"))
    with pytest.raises(IntegrityError, match="cannot trust the Release of trixie: a signature does not match"):
        open_archive().releases()


def test_a_release_without_a_signature_is_not_a_suite(suite: FakeSuite, open_archive: OpenArchive) -> None:
    older_form(suite)
    del suite.files[f"/{suite.root}/dists/{suite.name}/Release.gpg"]
    with pytest.raises(SpecError, match="cannot use the suite trixie"):
        open_archive().releases()


def test_offline_with_a_full_cache_opens_no_socket(
    suite: FakeSuite, open_archive: OpenArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_archive().fetch(open_archive().packages("amd64").versions("nginx"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    archive = open_archive(offline=True)
    assert archive.fetch(archive.packages("amd64").versions("nginx"))


def test_offline_with_an_empty_cache_says_so(suite: FakeSuite, server: Server, open_archive: OpenArchive) -> None:
    with pytest.raises(RegistryError, match="not in the cache"):
        open_archive(offline=True).releases()
    assert server.paths() == []


def test_a_damaged_cache_is_rebuilt(suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path) -> None:
    archive = open_archive()
    archive.fetch(archive.packages("amd64").versions("nginx"))
    files = names(tmp_path / "cache")
    for name in files:
        path = tmp_path / "cache" / name
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    archive = open_archive()
    fetched = archive.fetch(archive.packages("amd64").versions("nginx"))
    assert [path.read_bytes() for path in fetched.values()] == [deb_bytes("nginx", "1:1.26-3")]
    assert names(tmp_path / "cache") == files


def test_a_kept_list_that_was_changed_is_read_again(
    suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path
) -> None:
    open_archive().packages("amd64")
    (kept,) = (tmp_path / "cache" / "lists").iterdir()
    kept.write_bytes(kept.read_bytes().replace(b"libc6 (>= 2.36)", b"evil1 (>= 2.36)"))
    (bash,) = open_archive().packages("amd64").versions("bash")
    assert [str(dependency) for dependency in bash.pre_depends] == ["libc6 (>= 2.36)"]


def test_a_list_that_no_release_names_any_more_is_forgotten(
    suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path
) -> None:
    open_archive().packages("amd64")
    (old,) = (tmp_path / "cache" / "lists").iterdir()
    suite.packages = (*suite.packages, stanza("newer", "1"))
    suite.publish()
    assert open_archive().packages("amd64").versions("newer")
    (kept,) = (tmp_path / "cache" / "lists").iterdir()
    assert kept != old


def test_what_was_chosen_is_chosen_again_without_opening_a_list(
    suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = PackageRequest("amd64", ("bash",), ("trixie",), essential=False)
    lock = tmp_path / "none.lock.json"
    first = choose_packages(request, open_archive, lock, locked=False).resolution
    with monkeypatch.context() as unopened:
        unopened.setattr(Archive, "packages", None)
        again = choose_packages(request, partial(open_archive, offline=True), lock, locked=False).resolution
    assert [str(package) for package in again.packages] == [str(package) for package in first.packages]
    assert (again.edges, again.roots, again.unmet) == (first.edges, first.roots, first.unmet)

    suite.packages = tuple(text.replace("5.2-1", "5.2-2") for text in suite.packages)
    suite.publish()
    updated = choose_packages(request, open_archive, lock, locked=False).resolution
    assert {package.name: package.version for package in updated.packages}["bash"] == "5.2-2"
    (tmp_path / "cache/resolutions").rename(tmp_path / "away")
    assert choose_packages(request, open_archive, lock, locked=False).resolution.packages == updated.packages


def test_of_a_package_in_several_suites_the_highest_version_comes_first(
    suite: FakeSuite, keys: Keys, open_archive: OpenArchive
) -> None:
    updates = replace(suite, name="trixie-updates", packages=(stanza("nginx", "1:1.26-4"), stanza("nginx", "1.30-1")))
    updates.publish()
    for order in (("trixie", "trixie-updates"), ("trixie-updates", "trixie")):
        found = open_archive(*order).packages("amd64").versions("nginx")
        assert [(package.version, package.suite) for package in found] == [
            ("1:1.26-4", "trixie-updates"),
            ("1:1.26-3", "trixie"),
            ("1.30-1", "trixie-updates"),
        ]


def test_all_suites_that_fail_are_named_together(suite: FakeSuite, open_archive: OpenArchive) -> None:
    with pytest.raises(SpecError, match="cannot fetch 2 suites") as caught:
        open_archive("trixie", "trixie-security", "trixie-updates").releases()
    assert len(caught.value.issues) == 2
    assert "--security-archive" in (caught.value.hint or "")


def test_a_suite_named_twice_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    with pytest.raises(SpecError, match="named twice"):
        open_archive("trixie", "trixie")


def test_what_was_seen_says_which_release_and_when(suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path) -> None:
    open_archive().releases()
    (seen,) = (tmp_path / "cache" / "releases").rglob("seen")
    state = json.loads(read_checksummed(seen) or b"")
    assert state["digest"] == hashlib.sha256(suite.get("InRelease")).hexdigest()
    assert state["newest"] == int(suite.date.timestamp())


def test_what_an_older_version_has_seen_still_counts(
    suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path
) -> None:
    open_archive().releases()
    (seen,) = (tmp_path / "cache" / "releases").rglob("seen")
    state = json.loads(read_checksummed(seen) or b"")
    seen.unlink()
    older = seen.with_name("seen.json")
    for newest, refused in ((state["newest"] + 3600, True), (state["newest"], False)):
        state["newest"] = newest
        check = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()
        older.write_text(json.dumps({**state, "check": check}))
        with pytest.raises(IntegrityError, match="older") if refused else nullcontext():
            open_archive().releases()
    suite.date += timedelta(hours=1)
    suite.publish()
    open_archive().releases()
    assert seen.exists()
    assert not older.exists()


def test_from_a_lock_nothing_but_the_packages_is_fetched(
    suite: FakeSuite, server: Server, open_archive: OpenArchive, tmp_path: Path
) -> None:
    suite.packages += (stanza("nginx-common", "1:1.26-3", "all"),)
    suite.publish()
    archive = open_archive()
    request = PackageRequest("amd64", ("nginx",), suites=("trixie",))
    LockFile.of(request, archive.releases(), resolve(archive.packages("amd64"), request)).write(tmp_path / "lock")
    server.requests.clear()
    suite.put("InRelease", b"gone")
    lock = read_lock(tmp_path / "lock")
    lock.require(request)
    fetched = open_archive().fetch(lock.resolution.packages)
    assert sorted(package.name for package in fetched) == ["bash", "libc6", "nginx", "nginx-common"]
    assert all("/pool/" in path for path in server.paths())


def test_packages_of_a_suite_that_is_not_among_the_sources_are_refused(
    suite: FakeSuite, open_archive: OpenArchive
) -> None:
    (nginx,) = open_archive().packages("amd64").versions("nginx")
    with pytest.raises(SpecError, match="they come from trixie, which is not among the sources"):
        open_archive("trixie-updates").fetch([nginx])


def test_a_damaged_memory_of_what_was_seen_is_not_taken_for_an_attack(
    suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path
) -> None:
    open_archive().releases()
    (seen,) = (tmp_path / "cache" / "releases").rglob("seen")
    newest = str(int(suite.date.timestamp()))
    seen.write_text(seen.read_text().replace(newest, f"9{newest[1:]}"))
    assert open_archive().releases()

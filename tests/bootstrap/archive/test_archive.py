"""The archive from the outside: what is believed, what is kept, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, RegistryError, SpecError
from sysimage_bootstrap.archive import Archive, ArchiveSource, require_control
from sysimage_bootstrap.choose import choose_packages
from sysimage_bootstrap.lock import LockFile, read_lock
from sysimage_bootstrap.request import PackageRequest
from sysimage_bootstrap.resolve import resolve
from tests.bootstrap.archive.conftest import OpenArchive
from tests.bootstrap.archive.fake_archive import NOW, FakeSuite, Keys, Server, deb_bytes, stanza

DAY = timedelta(days=1)
LIST = "main/binary-amd64/Packages"


def names(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


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


def test_an_unchanged_release_is_not_sent_again_where_the_server_can_tell(
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


def test_a_kept_list_that_was_changed_is_read_anew(suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path) -> None:
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
    first = choose_packages(request, open_archive(), lock, locked=False)
    with monkeypatch.context() as unopened:
        unopened.setattr(Archive, "packages", None)
        again = choose_packages(request, open_archive(offline=True), lock, locked=False)
    assert [str(package) for package in again.packages] == [str(package) for package in first.packages]
    assert (again.edges, again.roots, again.unmet) == (first.edges, first.roots, first.unmet)

    suite.packages = tuple(text.replace("5.2-1", "5.2-2") for text in suite.packages)
    suite.publish()
    updated = choose_packages(request, open_archive(), lock, locked=False)
    assert {package.name: package.version for package in updated.packages}["bash"] == "5.2-2"
    (tmp_path / "cache/resolutions").rename(tmp_path / "away")
    assert choose_packages(request, open_archive(), lock, locked=False).packages == updated.packages


def test_lists_that_have_run_out_are_refused_unless_allowed(suite: FakeSuite, open_archive: OpenArchive) -> None:
    later = NOW + 7 * DAY
    with pytest.raises(IntegrityError, match="valid until 2026-07-07 12:00 UTC") as caught:
        open_archive(now=later).releases()
    assert "--allow-expired" in (caught.value.hint or "")
    assert open_archive(now=later, allow_expired=True).releases()


def test_lists_from_the_future_are_refused_unless_allowed(suite: FakeSuite, open_archive: OpenArchive) -> None:
    with pytest.raises(IntegrityError, match="in the future"):
        open_archive(now=NOW - 2 * DAY).releases()
    assert open_archive(now=NOW - 2 * DAY, allow_expired=True).releases()


def test_lists_older_than_those_seen_are_refused_unless_allowed(suite: FakeSuite, open_archive: OpenArchive) -> None:
    open_archive().releases()
    suite.date -= DAY
    suite.publish()
    for _ in range(2):
        with pytest.raises(IntegrityError, match="seen before"):
            open_archive().releases()
    assert open_archive(allow_rollback=True).releases()
    # What was allowed once is not thereby the newest that was seen.
    with pytest.raises(IntegrityError, match="seen before"):
        open_archive().releases()


def test_refused_lists_leave_the_old_ones_usable(
    suite: FakeSuite, open_archive: OpenArchive, server: Server, tmp_path: Path
) -> None:
    open_archive().packages("amd64")
    before = names(tmp_path / "cache")
    suite.signers = ("stranger",)
    suite.date += DAY / 2
    suite.publish()
    with pytest.raises(IntegrityError, match="not in the keyring"):
        open_archive().releases()
    assert names(tmp_path / "cache") == before
    assert open_archive(offline=True).packages("amd64").versions("nginx")


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"Codename": "bookworm"}, "calls itself bookworm"),
        ({"Date": ""}, "malformed"),
        ({"Date": "yesterday"}, "malformed"),
        ({"Valid-Until": "soon"}, "malformed"),
        ({"Suite": "stable\nsuite: oldstable"}, "occurs twice"),
    ],
)
def test_a_signed_release_of_another_suite_or_shape_is_refused(
    fields: dict[str, str], cause: str, suite: FakeSuite, open_archive: OpenArchive
) -> None:
    suite.fields |= fields
    suite.publish()
    with pytest.raises(IntegrityError, match=cause):
        open_archive().releases()


def test_a_release_without_strong_digests_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    text = suite.release({LIST: b""})
    suite.sign(text.replace("SHA256:", "SHA1:"))
    with pytest.raises(IntegrityError, match="no SHA-256 digests"):
        open_archive().releases()


def test_a_list_of_the_right_length_and_wrong_content_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    for path in [path for path in suite.files if "Packages.xz" in path or "by-hash" in path]:
        suite.files[path] = suite.files[path][:-1] + b"x"
    with pytest.raises(IntegrityError, match=r"its digest is sha256:\w{64}, where sha256:\w{64} was promised"):
        open_archive().packages("amd64")


def test_a_list_that_is_longer_than_promised_is_cut_off(suite: FakeSuite, open_archive: OpenArchive) -> None:
    for path in [path for path in suite.files if "by-hash" in path]:
        suite.files[path] += b"x" * 100
    with pytest.raises(IntegrityError, match="longer than"):
        open_archive().packages("amd64")


def test_a_list_that_unpacks_to_more_than_promised_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    bomb = gzip.compress(bytes(1 << 20))
    suite.put(f"{LIST}.gz", bomb)
    suite.fields["Acquire-By-Hash"] = "no"
    suite.sign(suite.release({LIST: b"x", f"{LIST}.gz": bomb}))
    with pytest.raises(IntegrityError, match="longer than the 1 bytes"):
        open_archive().packages("amd64")


def test_a_list_under_another_name_does_not_count(suite: FakeSuite, open_archive: OpenArchive) -> None:
    suite.sign(suite.release({"contrib/binary-amd64/Packages.xz": suite.get(f"{LIST}.xz")}))
    with pytest.raises(IntegrityError, match="does not list the packages of main"):
        open_archive().packages("amd64")


def test_a_list_that_is_missing_is_named(suite: FakeSuite, open_archive: OpenArchive) -> None:
    for path in [path for path in suite.files if "Packages.xz" in path or "by-hash" in path]:
        del suite.files[path]
    with pytest.raises(RegistryError, match=r"Packages\.xz: the archive answers 404"):
        open_archive().packages("amd64")


def test_an_architecture_or_component_that_is_not_there_is_named(suite: FakeSuite, open_archive: OpenArchive) -> None:
    with pytest.raises(SpecError, match="no packages for arm64"):
        open_archive().packages("arm64")
    archive = open_archive()
    archive.sources = (ArchiveSource(archive.sources[0].uri, "trixie", ("main", "nonfree")),)
    with pytest.raises(SpecError, match="no component nonfree"):
        archive.packages("amd64")


@pytest.mark.parametrize(
    "paragraph",
    [
        stanza("bash") + "Version: 2\n",
        stanza("bash").replace("Version: 1.0\n", ""),
        "no colon here\n",
    ],
    ids=["a field twice", "no version", "no field"],
)
def test_a_malformed_list_is_refused_though_it_is_signed(
    paragraph: str, suite: FakeSuite, open_archive: OpenArchive
) -> None:
    suite.packages = ()
    suite.publish()
    data = gzip.compress(paragraph.encode())
    suite.put(f"{LIST}.gz", data)
    suite.fields["Acquire-By-Hash"] = "no"
    suite.sign(suite.release({f"{LIST}.gz": data}))
    with pytest.raises(IntegrityError, match="malformed"):
        open_archive().packages("amd64")


def test_a_package_that_is_listed_outside_the_archive_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    suite.packages = (stanza("bash").replace("Filename: pool/", "Filename: ../../pool/"),)
    suite.publish()
    with pytest.raises(IntegrityError, match="not a path within the archive"):
        open_archive().packages("amd64").versions("bash")


def test_a_package_with_the_content_of_another_is_refused(
    suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path
) -> None:
    index = open_archive().packages("amd64")
    (nginx,), (libc,) = index.versions("nginx"), index.versions("libc6")
    suite.files[f"/debian/{nginx.filename.replace('%', '%25')}"] = deb_bytes("xngin", "1:1.26-3")
    with pytest.raises(IntegrityError, match=r"cannot use nginx 1:1\.26-3: its digest is"):
        open_archive().fetch([nginx, libc])
    kept = names(tmp_path / "cache" / "sha256")
    assert f"{libc.digest.hex[:2]}/{libc.digest.hex}" in kept
    assert f"{nginx.digest.hex[:2]}/{nginx.digest.hex}" not in kept


def test_a_package_whose_control_file_names_another_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    (nginx,) = open_archive().packages("amd64").versions("nginx")
    control = "Package: nginx\nVersion: 1:1.26-3\nArchitecture: amd64\n"
    assert require_control(nginx, control)["version"] == "1:1.26-3"
    with pytest.raises(IntegrityError) as caught:
        require_control(nginx, "Package: evil\nVersion: 1:1.26-3\nArchitecture: arm64\n")
    assert [issue.where for issue in caught.value.issues] == ["package", "architecture"]
    with pytest.raises(IntegrityError, match="occurs twice"):
        require_control(nginx, control + "Package: nginx\n")


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
    with pytest.raises(RegistryError, match="cannot fetch 2 suites") as caught:
        open_archive("trixie", "trixie-security", "trixie-updates").releases()
    assert len(caught.value.issues) == 2
    assert "--security-archive" in (caught.value.hint or "")


def test_a_suite_named_twice_is_refused(suite: FakeSuite, open_archive: OpenArchive) -> None:
    with pytest.raises(SpecError, match="named twice"):
        open_archive("trixie", "trixie")


def test_what_was_seen_says_which_release_and_when(suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path) -> None:
    open_archive().releases()
    (seen,) = (tmp_path / "cache" / "releases").rglob("seen.json")
    state = json.loads(seen.read_text())
    assert state["digest"] == hashlib.sha256(suite.get("InRelease")).hexdigest()
    assert state["newest"] == int(suite.date.timestamp())


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


def test_a_damaged_memory_of_what_was_seen_accuses_nobody(
    suite: FakeSuite, open_archive: OpenArchive, tmp_path: Path
) -> None:
    open_archive().releases()
    (seen,) = (tmp_path / "cache" / "releases").rglob("seen.json")
    newest = str(int(suite.date.timestamp()))
    seen.write_text(seen.read_text().replace(newest, f"9{newest[1:]}"))
    assert open_archive().releases()

"""What an archive may say and is not believed."""

from __future__ import annotations

import gzip
from datetime import timedelta
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, RegistryError, SpecError
from sysimage_bootstrap.archive import ArchiveSource, require_control
from tests.bootstrap.archive.conftest import OpenArchive
from tests.bootstrap.archive.fake_archive import NOW, FakeSuite, Server, deb_bytes, names, stanza

pytestmark = pytest.mark.programs

DAY = timedelta(days=1)
LIST = "main/binary-amd64/Packages"


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

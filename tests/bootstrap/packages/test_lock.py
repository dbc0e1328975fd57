"""The lock file: the same system again, or an error that says what differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import LockError, SpecError
from sysimage.spec.account_ids import AccountIds
from sysimage_bootstrap.archive.index import index_of
from sysimage_bootstrap.packages.choose import ChosenPackages, choose_packages, lock_packages
from sysimage_bootstrap.packages.lock import (
    FORMAT_NAME,
    FORMAT_VERSION,
    InputChange,
    LockedBase,
    LockedSuite,
    LockFile,
    parse_lock,
    read_lock,
)
from sysimage_bootstrap.packages.package_request import PackageRequest
from sysimage_bootstrap.packages.resolve import Resolution, resolve
from tests.bootstrap.archive.fake_archive import NOW, stanza
from tests.bootstrap.packages.fixed_archive import archive_of

REQUEST = PackageRequest("amd64", ("nginx", "bash"))


def resolution(nginx: str = "1.26-3", *more: str) -> Resolution:
    text = "\n".join(
        [
            stanza("nginx", nginx, depends="libc6, init", source="nginx-src (1.26)", multi_arch="allowed"),
            stanza("bash", "5.2-1", essential="yes", pre_depends="libc6", installed_size="7000"),
            stanza("libc6", "2.41-1", depends="libgcc-s1"),
            stanza("libgcc-s1", "14", depends="libc6"),
            stanza("init", depends="bash"),
            *more,
        ]
    )
    return resolve(index_of(text, "amd64"), replace(REQUEST, exclude=frozenset({"init"})))


@pytest.fixture
def lock() -> LockFile:
    suite = LockedSuite("trixie", "trixie", NOW, Digest.of(b"InRelease"))
    return LockFile(REQUEST.document(), (suite,), resolution())


def test_what_is_written_is_read_back(lock: LockFile, tmp_path: Path) -> None:
    lock.write(tmp_path / "system.lock")
    read = read_lock(tmp_path / "system.lock")
    assert read.dumps() == lock.dumps()
    assert (read.request, read.suites) == (lock.request, lock.suites)
    assert (read.resolution.edges, read.resolution.roots) == (lock.resolution.edges, ("bash", "nginx"))
    assert read.resolution.unmet == (("nginx", "init"),)
    assert (read.base, read.inputs, bool(read.account_ids)) == (None, {}, False)
    for before, after in zip(lock.resolution.packages, read.resolution.packages, strict=True):
        assert after == replace(before, depends=(), pre_depends=())


def test_a_base_is_read_back_and_the_document_has_its_keys_in_one_order(lock: LockFile) -> None:
    base = LockedBase("docker.io/library/debian:13", Digest.of(b"index"))
    more = {**dict(reversed(INPUTS.items())), "python": {**INPUTS["python"], "a": f"a.whl {Digest.of(b'a')}"}}
    whole = replace(lock, base=base, inputs=more, account_ids=AccountIds({"b": 2, "a": 1}, {"d": 1, "c": 2}))
    assert parse_lock(whole.dumps()) == replace(
        whole,
        resolution=replace(
            lock.resolution,
            packages=tuple(replace(one, depends=(), pre_depends=()) for one in lock.resolution.packages),
        ),
    )
    document = json.loads(whole.dumps())
    assert list(document) == [
        *("format", "request", "suites", "trees", "python", "node", "java", "accounts", "roots", "unmet", "base"),
        "packages",
    ]
    assert document["suites"] == [
        {
            "suite": "trixie",
            "codename": "trixie",
            "date": "2026-07-01T12:00:00Z",
            "inrelease": str(Digest.of(b"InRelease")),
        }
    ]
    assert list(document["accounts"]["users"]) == ["a", "b"]
    assert list(document["accounts"]["groups"]) == ["c", "d"]
    assert list(document["python"]) == ["a", "idna"]
    assert whole.dumps().startswith('{\n  "format": "sysimage-lock/1",\n  "request": {\n    "architecture"')
    assert document["packages"][0] == {
        "name": "bash",
        "version": "5.2-1",
        "architecture": "amd64",
        "source": "bash",
        "source_version": "5.2-1",
        "essential": True,
        "priority": lock.resolution.packages[0].priority,
        "multi_arch": lock.resolution.packages[0].multi_arch,
        "installed_size": 7000,
        "suite": lock.resolution.packages[0].suite,
        "filename": "pool/main/b/bash/bash_5.2-1_amd64.deb",
        "size": lock.resolution.packages[0].size,
        "sha256": lock.resolution.packages[0].digest.hex,
        "needs": ["libc6"],
    }


def test_ids_of_accounts_are_read_back(lock: LockFile) -> None:
    assert "accounts" not in json.loads(lock.dumps())
    ids = AccountIds({"redis": 512, "git": 700}, {"redis": 512})
    assert parse_lock(replace(lock, account_ids=ids).dumps()).account_ids == ids


def test_the_text_ends_with_a_newline_and_depends_on_nothing_but_the_lock(lock: LockFile) -> None:
    text = lock.dumps()
    assert text.endswith("}\n")
    again = PackageRequest("amd64", ("bash", "nginx", "bash"), provided=frozenset(sorted(REQUEST.provided)))
    assert replace(lock, request=again.document()).dumps() == text
    assert again.digest == REQUEST.digest


def test_the_text_names_no_address(lock: LockFile) -> None:
    assert "://" not in lock.dumps()


def test_the_same_request_is_accepted_in_any_order(lock: LockFile) -> None:
    asked = PackageRequest("amd64", ("bash", "nginx"))
    lock.require(asked)
    assert asked.document() == lock.request


def test_everything_that_is_asked_differently_is_named(lock: LockFile) -> None:
    asked = PackageRequest(
        "arm64",
        ("nginx", "curl"),
        suites=("trixie",),
        prefer={"awk": "gawk"},
        exclude=frozenset({"perl-base"}),
        essential=False,
    )
    with pytest.raises(LockError) as caught:
        lock.require(asked)
    assert [str(issue) for issue in caught.value.issues] == [
        'architecture: now "arm64", locked "amd64"',
        "essential: now false, locked true",
        "exclude: now with perl-base",
        "packages: now with curl, without bash",
        'prefer: now {"awk": "gawk"}, locked {"awk": "mawk"}',
        "suites: now without trixie-updates, without trixie-security",
    ]
    assert caught.value.hint


Damage = Callable[[dict[str, Any]], object]

DAMAGES: dict[str, Damage] = {
    "another format": lambda document: document.update(format="system-lock/1"),
    "no packages": lambda document: document.pop("packages"),
    "packages out of order": lambda document: document["packages"].reverse(),
    "a package twice": lambda document: document["packages"].insert(0, document["packages"][0]),
    "a digest that is a path": lambda document: document["packages"][0].update(sha256="../../x"),
    "a path out of the archive": lambda document: document["packages"][0].update(filename="../x.deb"),
    "a negative size": lambda document: document["packages"][0].update(size=-1),
    "a need for a stranger": lambda document: document["packages"][0].update(needs=["stranger"]),
    "a suite that is not listed": lambda document: document["packages"][0].update(suite="sid"),
    "needs that are a text": lambda document: document["packages"][0].update(needs="libc6"),
    "an ID that is a text": lambda document: document.update(accounts={"users": {"redis": "512"}}),
    "an ID that is yes": lambda document: document.update(accounts={"groups": {"redis": True}}),
    "an ID below zero": lambda document: document.update(accounts={"users": {"redis": -1}}),
    "an account of two lines": lambda document: document.update(accounts={"users": {"a\nb": 512}}),
    "accounts that are a list": lambda document: document.update(accounts=["redis"]),
    "packages that are numbers": lambda document: document.update(packages=[1]),
    "a root that is a stranger": lambda document: document["roots"].append("stranger"),
    "roots that are numbers": lambda document: document.update(roots=[1]),
    "a base without a digest": lambda document: document.update(base={"name": "x"}),
}
FAULTS = {
    "no packages": "'packages' is missing",
    "packages out of order": "its packages are not sorted by name, or one occurs twice",
    "a package twice": "its packages are not sorted by name, or one occurs twice",
    "a need for a stranger": "it needs packages that it does not hold: stranger",
    "a root that is a stranger": "it needs packages that it does not hold: stranger",
    "a suite that is not listed": "it has packages of suites that it does not list: sid",
    "needs that are a text": "names are not a list of texts",
    "roots that are numbers": "names are not a list of texts",
    "an ID that is yes": "the ID of redis is not a number",
    "a base without a digest": "'digest' is missing",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_lock_that_was_tampered_with_is_refused(damage: str, lock: LockFile, tmp_path: Path) -> None:
    document = json.loads(lock.dumps())
    DAMAGES[damage](document)
    path = tmp_path / "system.lock"
    path.write_text(json.dumps(document))
    with pytest.raises(LockError) as caught:
        read_lock(path)
    assert str(caught.value).startswith(f"cannot read the lock file {path}: it is malformed: {FAULTS.get(damage, '')}")
    assert caught.value.hint == "run `sysimage lock` again"


def test_a_key_that_occurs_twice_is_refused(lock: LockFile) -> None:
    with pytest.raises(ValueError, match=r"^a key occurs twice$"):
        parse_lock(lock.dumps().replace('"roots": [', '"roots": [], "roots": [', 1))


def test_what_a_lock_of_an_older_version_does_not_say_is_named(lock: LockFile) -> None:
    older = {key: value for key, value in lock.request.items() if key != "on_demand"}
    with pytest.raises(LockError) as caught:
        replace(lock, request=older).require(REQUEST)
    assert [str(issue) for issue in caught.value.issues] == ["on_demand: now [], locked null"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": 1, "format": 2}', "[" * 100_000])
def test_what_is_not_a_lock_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "system.lock"
    path.write_text(text)
    with pytest.raises(LockError, match="malformed"):
        read_lock(path)


def test_a_lock_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    path = tmp_path / "system.lock"
    with pytest.raises(LockError) as caught:
        read_lock(path)
    assert str(caught.value) == f"cannot read the lock file {path}: it is missing"
    assert caught.value.hint == "run `sysimage lock` first"
    path.mkdir()
    with pytest.raises(LockError, match="Is a directory") as caught:
        read_lock(path)
    (tmp_path / "latin").write_bytes(b"\xff")
    with pytest.raises(LockError, match="can't decode byte"):
        read_lock(tmp_path / "latin")


def test_a_lock_is_replaced_whole(lock: LockFile, tmp_path: Path) -> None:
    path = tmp_path / "system.lock"
    path.write_text("old")
    lock.write(path)
    assert parse_lock(path.read_text()).dumps() == lock.dumps()
    assert [entry.name for entry in tmp_path.iterdir()] == ["system.lock"]


def test_a_lock_of_a_newer_version_is_refused_as_such(lock: LockFile, tmp_path: Path) -> None:
    path = tmp_path / "system.lock.json"
    path.write_text(lock.dumps().replace(f"{FORMAT_NAME}/{FORMAT_VERSION}", f"{FORMAT_NAME}/{FORMAT_VERSION + 1}"))
    with pytest.raises(LockError, match="a newer sysimage wrote it") as caught:
        read_lock(path)
    assert caught.value.hint == "use that version of sysimage"


OLD = (
    stanza("nginx", "1.26", depends="libc6, zlib"),
    stanza("libc6", "2.40"),
    stanza("zlib", "1.2"),
    stanza("jq", "1"),
)
NEW = (
    stanza("nginx", "1.28", depends="libc6 (>= 2.41)"),
    stanza("libc6", "2.41"),
    stanza("zlib", "1.3"),
    stanza("jq", "2"),
)
ASKED = PackageRequest("amd64", ("nginx", "jq"), essential=False)


def versions(lock: LockFile | ChosenPackages | Resolution) -> dict[str, str]:
    found = lock if isinstance(lock, Resolution) else lock.resolution
    return {package.name: package.version for package in found.packages}


@pytest.fixture
def old(tmp_path: Path) -> LockFile:
    """A lock file, written, from before anything changed."""
    lock = lock_packages(ASKED, archive_of(tmp_path, *OLD))
    lock.write(tmp_path / "x.lock.json")
    return lock


def test_a_lock_for_another_request_is_an_error_that_names_the_difference(old: LockFile, tmp_path: Path) -> None:
    asked = replace(ASKED, packages=("nginx", "curl"))
    for locked in (False, True):
        with pytest.raises(LockError, match="something else is asked for now") as caught:
            choose_packages(asked, lambda: archive_of(tmp_path, *NEW), tmp_path / "x.lock.json", locked=locked)
        assert [str(issue) for issue in caught.value.issues] == ["packages: now with curl, without jq"]
        assert "--update" in str(caught.value.hint)


def test_an_update_changes_what_must_change_and_writes_it(old: LockFile, tmp_path: Path) -> None:
    asked = replace(ASKED, packages=("nginx", "jq", "new"))
    archive = archive_of(tmp_path, *OLD, *NEW, stanza("new", "7", depends="zlib"))
    place = tmp_path / "x.lock.json"
    ids = AccountIds({"redis": 512}, {"redis": 512})
    replace(old, account_ids=ids).write(place)
    before = place.read_bytes()
    preview = choose_packages(asked, lambda: archive, place, stale="preview")
    assert versions(preview) == {**versions(old), "new": "7"}
    assert (preview.account_ids, preview.is_locked) == (ids, False)
    assert place.read_bytes() == before
    updated = choose_packages(asked, lambda: archive, place, stale="update")
    assert versions(updated) == versions(preview)
    assert (updated.account_ids, updated.is_locked) == (ids, True)
    assert versions(read_lock(place)) == {**versions(old), "new": "7"}
    read_lock(place).require(asked)
    assert read_lock(place).account_ids == ids
    unlocked = choose_packages(asked, lambda: archive, tmp_path / "none.lock.json")
    assert (unlocked.account_ids, unlocked.is_locked) == (AccountIds(), False)


def test_an_update_of_one_package_moves_it_and_what_it_forces(old: LockFile, tmp_path: Path) -> None:
    archive = archive_of(tmp_path, *OLD, *NEW)
    assert versions(lock_packages(ASKED, archive, before=old, update=["jq"])) == {**versions(old), "jq": "2"}
    moved = versions(lock_packages(ASKED, archive, before=old, update=["nginx"]))
    assert moved == {"nginx": "1.28", "libc6": "2.41", "jq": "1"}
    assert versions(lock_packages(ASKED, archive)) == {"nginx": "1.28", "libc6": "2.41", "jq": "2"}


def test_versions_that_the_lists_have_no_more_stay_with_what_they_need(old: LockFile, tmp_path: Path) -> None:
    archive = archive_of(tmp_path, *NEW)
    kept = lock_packages(ASKED, archive, before=old, update=["jq"])
    assert versions(kept) == {**versions(old), "jq": "2"}
    assert kept.resolution.edges == old.resolution.edges
    assert kept.resolution.package("nginx").digest == old.resolution.package("nginx").digest


def test_a_package_that_is_not_there_cannot_be_updated(old: LockFile, tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot update packages") as caught:
        lock_packages(ASKED, archive_of(tmp_path, *NEW), before=old, update=["ngin", "jq"])
    assert [str(issue) for issue in caught.value.issues] == [
        "ngin: is neither in the lock file nor asked for (did you mean 'nginx'?)"
    ]


INPUTS = {
    "trees": {"/srv/shop": str(Digest.of(b"nar"))},
    "python": {"idna": f"idna-3.20-py3-none-any.whl {Digest.of(b'wheel')}"},
    "node": {"node_modules/x": f"x 1.0.0 sha512:{'0' * 128}"},
    "java": {"lib/a.jar": str(Digest.of(b"jar"))},
}


def test_inputs_are_read_back_and_a_lock_without_them_is_what_it_was(lock: LockFile) -> None:
    assert not {f'"{kind}"' for kind in INPUTS} & set(lock.dumps().split())
    assert parse_lock(replace(lock, inputs=INPUTS).dumps()).inputs == INPUTS


@pytest.mark.parametrize("kind", INPUTS)
def test_an_input_without_a_hash_is_malformed(lock: LockFile, kind: str) -> None:
    text = replace(lock, inputs=INPUTS).dumps()
    (value,) = INPUTS[kind].values()
    for other in (value.replace("sha", "md"), value[:-1], value.rpartition(":")[0]):
        with pytest.raises(ValueError, match=f"in its {kind} is malformed"):
            parse_lock(text.replace(value, other))


def test_changes_of_inputs_are_named_by_kind_and_name(lock: LockFile) -> None:
    before = replace(lock, inputs=INPUTS)
    assert before.input_changes(INPUTS) == ()
    now = {"trees": INPUTS["trees"], "python": {"idna": "new", "numpy": "new"}, "java": {}}
    assert before.input_changes(now) == (
        InputChange("python", "idna", INPUTS["python"]["idna"], "new"),
        InputChange("python", "numpy", None, "new"),
        InputChange("node", "node_modules/x", INPUTS["node"]["node_modules/x"], None),
        InputChange("java", "lib/a.jar", INPUTS["java"]["lib/a.jar"], None),
    )
    many = {"trees": {f"/{letter}": "old" for letter in "cabfed"}}
    assert [one.name for one in replace(lock, inputs=many).input_changes({})] == [f"/{letter}" for letter in "abcdef"]

"""A package-lock.json says which packages the application needs on the image's machine; what cannot be had is refused.

``locked/package-lock.json`` is npm's: `npm install --package-lock-only --omit-lockfile-registry-resolved` beside its
package.json, by npm 11.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.npm_packages.lock_document import LockEntry, NpmLockDocument, is_place
from sysimage.npm_packages.lock_file import LockedNpmPackage, read_lock
from sysimage.spec.node import Node
from tests.support.npm_packages import write_lock

LOCKED = Path(__file__).parent / "locked"
SHA512 = "sha512-" + "A" * 86 + "=="
SHA384 = "sha384-" + "A" * 64
SHA256 = "sha256-" + "A" * 43 + "="
GOOD = {"version": "1.0.0", "integrity": SHA512}


def node(**said: Any) -> Node:
    return Node.model_validate({"lock": "package-lock.json", "at": "/srv/app", **said})


def real(architecture: str, **said: Any) -> dict[str, LockedNpmPackage]:
    return {package.place: package for package in read_lock(node(**said), LOCKED, architecture)}


def written(top: Path, packages: dict[str, Any], said: dict[str, Any] | None = None, **root: Any) -> list[str]:
    """The places that are chosen of a lock file of our own."""
    write_lock(top / "package-lock.json", packages, **root)
    return [package.place for package in read_lock(node(**(said or {})), top, "amd64")]


@pytest.mark.parametrize(("architecture", "cpu"), [("amd64", "x64"), ("arm64", "arm64")])
def test_optional_packages_of_other_machines_are_left_out_with_what_only_they_need(architecture: str, cpu: str) -> None:
    found = real(architecture)
    named = sorted(place for place in found if "@img" in place or "@emnapi" in place)
    assert named == [f"node_modules/@img/sharp-libvips-linux-{cpu}", f"node_modules/@img/sharp-linux-{cpu}"]
    assert found["node_modules/sharp"].is_prebuilt_beside


def test_a_package_is_known_by_its_name_in_the_registry_its_place_and_its_hash() -> None:
    found = real("amd64")
    left = found["node_modules/left"]
    assert (left.name, left.version, left.algorithm, len(left.digest)) == ("left-pad", "1.3.0", "sha512", 128)
    assert found["node_modules/send/node_modules/debug/node_modules/ms"].version == "2.0.0"
    assert found["node_modules/mime"].bin == {"mime": "cli.js"}
    assert found["node_modules/bcrypt"].has_install_script
    assert not found["node_modules/bcrypt"].is_prebuilt_beside


def test_development_dependencies_are_there_when_they_are_asked_for() -> None:
    assert real("amd64", dev=True).keys() - real("amd64").keys() == {"node_modules/mkdirp"}


def test_what_is_in_another_s_tarball_is_not_a_package_of_its_own(tmp_path: Path) -> None:
    packages = {
        "node_modules/a": {**GOOD, "dependencies": {"b": "*"}},
        "node_modules/a/node_modules/b": {"inBundle": True},
    }
    assert written(tmp_path, packages) == ["node_modules/a"]


def test_an_optional_package_that_needs_one_of_another_machine_is_left_out(tmp_path: Path) -> None:
    packages = {
        "node_modules/a": {**GOOD, "dependencies": {"b": "*"}, "optional": True},
        "node_modules/b": {**GOOD, "os": ["!linux"], "optional": True},
        "node_modules/c": {**GOOD, "libc": ["musl"], "optional": True},
        "node_modules/d": {**GOOD, "libc": "glibc", "os": ["linux"], "cpu": ["!arm64"], "optional": True},
    }
    assert written(tmp_path, packages, dependencies={}, optionalDependencies=dict.fromkeys("acd", "*")) == [
        "node_modules/d"
    ]


def test_peers_are_there_when_they_are_locked(tmp_path: Path) -> None:
    packages = {"node_modules/a": {**GOOD, "peerDependencies": {"b": "*", "c": "*"}}, "node_modules/b": GOOD}
    assert written(tmp_path, packages, dependencies={"a": "*"}) == ["node_modules/a", "node_modules/b"]


def test_a_tarball_beside_the_lock_file_is_taken_from_there(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").touch()
    write_lock(tmp_path / "package-lock.json", {"node_modules/a": {**GOOD, "resolved": "file:a.tgz"}})
    (found,) = read_lock(node(), tmp_path, "amd64")
    assert found.path == tmp_path / "a.tgz"


@pytest.mark.parametrize(
    ("packages", "root", "fault"),
    [
        ({"node_modules/a": {"link": True, "resolved": "packages/a"}}, {}, "is a link to packages/a: npm pack that"),
        ({"node_modules/a": GOOD}, {"workspaces": ["packages/*"]}, "has workspaces; lock the application"),
        ({"node_modules/a": {**GOOD, "resolved": "git+ssh://x/a.git#1"}}, {}, "comes from a repository: npm pack it"),
        ({"node_modules/a": {**GOOD, "resolved": "https://x/a.tar.gz"}}, {}, "outside of a registry; put its tarball"),
        ({"node_modules/a": {**GOOD, "resolved": "file:../a.tgz"}}, {}, "is not a file inside the spec's directory"),
        ({"node_modules/a": {"version": "1.0.0"}}, {}, "has no integrity by SHA-512"),
        ({"node_modules/a": {**GOOD, "integrity": "sha1-AAAAAAAAAAAAAAAAAAAAAAAAAAA="}}, {}, "has no integrity by"),
        ({"node_modules/a": {**GOOD, "integrity": "sha512-A"}}, {}, "has no integrity by"),
        ({"node_modules/a": {**GOOD, "version": "file:/etc"}}, {}, "has no name and version of a registry"),
        ({"node_modules/a": {**GOOD, "name": "--prefix=/"}}, {}, "has no name and version of a registry"),
        ({"node_modules/..": GOOD}, {"dependencies": {"..": "*"}}, "is not a place below node_modules"),
        ({"node_modules/a/../../b": GOOD}, {"dependencies": {"a/../../b": "*"}}, "is not a place below node_modules"),
        ({"node_modules/a": {**GOOD, "bin": {"../b": "b"}}}, {}, "has a program with the name '../b'"),
        ({"node_modules/a": {**GOOD, "bin": {"b": "../../b"}}}, {}, "has a program outside of it: '../../b'"),
        ({"node_modules/a": {**GOOD, "dependencies": {"b": "*"}}}, {}, "node_modules/a needs b, which is not locked"),
        ({"node_modules/a": {**GOOD, "cpu": ["arm64"]}}, {}, "is for another machine than linux/amd64 with glibc"),
        ({"node_modules/a": []}, {}, "'node_modules/a': it: "),
        ({"node_modules/a": {"bin": 1}}, {}, "'node_modules/a': bin: "),
    ],
)
def test_what_cannot_be_had_is_refused(
    tmp_path: Path, packages: dict[str, Any], root: dict[str, Any], fault: str
) -> None:
    with pytest.raises(SpecError) as caught:
        written(tmp_path, packages, **root)
    (issue,) = caught.value.issues
    assert fault in issue.message
    assert issue.where == "/node/lock"
    assert str(caught.value).startswith(f"cannot use {tmp_path}/package-lock.json\n")


def test_every_fault_of_a_lock_file_is_reported_in_the_order_of_places(tmp_path: Path) -> None:
    (tmp_path / "a.tgz").mkdir()
    packages = {
        "node_modules/d": {**GOOD, "bin": {"": "x", ".": "x", "..": "x", "a\nb": "/x", "c": "a\nb", "d": "..x"}},
        "node_modules/c": {"link": True},
        "node_modules/b": {**GOOD, "resolved": "file:a.tgz"},
        "node_modules/a": {"integrity": SHA512},
        "node_modules/e": {**GOOD, "resolved": "https://x/e/-/e.tgz"},
        "node_modules/f": {**GOOD, "resolved": "github:x/f"},
        "node_modules/g": {**GOOD, "resolved": "git://x/g"},
        "node_modules/h": {**GOOD, "resolved": "http://x/h.tgz"},
    }
    with pytest.raises(SpecError) as caught:
        written(tmp_path, packages, dependencies=dict.fromkeys("abcdefgh", "*"))
    repository = "comes from a repository: npm pack it, and let the application depend on the file"
    assert [issue.message.removeprefix("package-lock.json: node_modules/") for issue in caught.value.issues] == [
        "a has no name and version of a registry",
        "b is at file:a.tgz, which is not a file inside the spec's directory",
        "c is a link to a directory: npm pack that directory, and let the application depend on the file, "
        "npm install ./NAME.tgz",
        "d has a program with the name ''",
        "d has a program with the name '.'",
        "d has a program with the name '..'",
        "d has a program with the name 'a\\nb'",
        "d has a program outside of it: '/x'",
        "d has a program outside of it: 'a\\nb'",
        f"f {repository}",
        f"g {repository}",
        'h comes from an address outside of a registry; put its tarball into a directory and say "tarballs"',
    ]


def test_a_package_has_what_the_lock_file_says_of_it(tmp_path: Path) -> None:
    packages: dict[str, dict[str, Any]] = {
        "node_modules/b": {**GOOD, "bin": {"z": "./bin/../z.js", "y": "y.js"}, "hasInstallScript": True},
        "node_modules/a": {**GOOD, "optionalDependencies": {"b": "*", "none": "*"}},
    }
    write_lock(tmp_path / "package-lock.json", packages)
    a, b = read_lock(node(), tmp_path, "amd64")
    digest = "00" * 64
    assert a == LockedNpmPackage("a", "1.0.0", "node_modules/a", "sha512", digest)
    bins = {"y": "y.js", "z": "z.js"}
    assert b == LockedNpmPackage("b", "1.0.0", "node_modules/b", "sha512", digest, bins, has_install_script=True)
    assert (list(b.bin), str(b)) == (["y", "z"], "b 1.0.0")


@pytest.mark.parametrize(
    ("integrity", "algorithm"),
    [
        (f"{SHA256} {SHA512}", "sha512"),
        (f"sha1-AAAA {SHA256}?option {SHA384}", "sha384"),
        (f"  {SHA256}?a?b ", "sha256"),
        (f"{SHA512[:20]}!{SHA512[20:]} {SHA384}", "sha384"),
        (f"sha512-AAAA sha384-=A {SHA256}", "sha256"),
    ],
)
def test_the_strongest_hash_that_is_whole_counts(tmp_path: Path, integrity: str, algorithm: str) -> None:
    write_lock(tmp_path / "package-lock.json", {"node_modules/a": {**GOOD, "integrity": integrity}})
    (found,) = read_lock(node(), tmp_path, "amd64")
    assert (found.algorithm, found.digest) == (algorithm, "00" * (int(algorithm[3:]) // 8))


def test_development_dependencies_of_packages_are_not_the_application_s(tmp_path: Path) -> None:
    packages = {"node_modules/a": {**GOOD, "devDependencies": {"b": "*"}}, "node_modules/b": GOOD}
    write = {"dependencies": {"a": "*"}, "devDependencies": {"a": "*"}}
    assert written(tmp_path, packages, {"dev": True}, **write) == ["node_modules/a"]


def test_all_that_is_not_locked_is_named_with_what_needs_it(tmp_path: Path) -> None:
    packages = {"node_modules/a": {**GOOD, "dependencies": {"c": "*"}}}
    with pytest.raises(SpecError) as caught:
        written(tmp_path, packages, {"dev": True}, dependencies={"a": "*", "b": "*"}, devDependencies={"d": "*"})
    assert [issue.message for issue in caught.value.issues] == [
        "the application needs b, which is not locked",
        "the application needs d, which is not locked",
        "node_modules/a needs c, which is not locked",
    ]


def test_node_finds_the_nearest_package_above() -> None:
    deep = "node_modules/a/node_modules/@s/b"
    places = ("node_modules/c", "node_modules/a/node_modules/c", f"{deep}/node_modules/c", "node_modules/d")
    document = NpmLockDocument({"": LockEntry(), **{place: LockEntry() for place in places}})
    asked = {
        (f"{deep}/node_modules/x", "c"): f"{deep}/node_modules/c",
        (deep, "c"): f"{deep}/node_modules/c",
        ("node_modules/a/node_modules/x", "c"): "node_modules/a/node_modules/c",
        ("node_modules/x", "c"): "node_modules/c",
        ("", "c"): "node_modules/c",
        (deep, "d"): "node_modules/d",
        (deep, "e"): None,
        ("", "e"): None,
    }
    assert {question: document.find(*question) for question in asked} == asked


@pytest.mark.parametrize(
    ("said", "runs"),
    [
        ({}, True),
        ({"os": ["darwin", "linux"], "cpu": ["any"], "libc": ["!musl"]}, True),
        ({"os": ["!win32", "!linux"]}, False),
        ({"os": ["!linux", "any"]}, False),
        ({"cpu": ["x64", "!x64"]}, False),
        ({"cpu": "arm64"}, False),
        ({"libc": "musl"}, False),
        ({"os": "freebsd"}, False),
    ],
)
def test_lists_of_systems_are_read_as_npm_reads_them(said: dict[str, Any], runs: bool) -> None:
    assert LockEntry.model_validate(said).runs_on("x64") is runs


@pytest.mark.parametrize(
    ("place", "is_one"),
    [
        ("node_modules/a", True),
        ("node_modules/@s/a.b/node_modules/c", True),
        ("", False),
        ("a", False),
        ("/node_modules/a", False),
        ("node_modules/@s", False),
        ("node_modules/a/b", False),
        ("node_modules/a/", False),
        ("node_modules/.", False),
        ("node_modules/@../a", True),
        ("node_modules/a\x7f", False),
        ("node_modules/a b", False),
    ],
)
def test_a_place_is_a_package_s_below_the_application(place: str, is_one: bool) -> None:
    assert is_place(place) is is_one


def test_an_address_outside_of_registries_does_not_matter_for_a_directory(tmp_path: Path) -> None:
    packages = {"node_modules/a": {**GOOD, "resolved": "https://x/a.tar.gz"}}
    assert written(tmp_path, packages, {"tarballs": "npm"}) == ["node_modules/a"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "cannot read "),
        ("[" * 100_000, "cannot read "),
        ("[]", "is not a package-lock.json of version 2 or 3"),
        ("{}", "is not a package-lock.json of version 2 or 3"),
        ('{"lockfileVersion": 1}', "has version 1, which does not say all that is needed"),
        ('{"lockfileVersion": 3, "packages": {}}', "is not a package-lock.json of version 2 or 3"),
        ('{"lockfileVersion": 3, "packages": [""]}', "is not a package-lock.json of version 2 or 3"),
        ('{"lockfileVersion": 4, "packages": {"": {}}}', "is not a package-lock.json of version 2 or 3"),
        ('{"lockfileVersion": 2, "packages": {"": [], "node_modules/a": 1}}', "package-lock.json: '': it: "),
    ],
)
def test_what_is_not_a_lock_file_is_refused_with_how_to_write_one(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "package-lock.json").write_text(text)
    with pytest.raises(SpecError, match=r"cannot (use|read) ") as caught:
        read_lock(node(), tmp_path, "amd64")
    assert fault in str(caught.value)
    is_another = "version" in fault
    write = "npm install --package-lock-only --lockfile-version 3 writes it again"
    assert caught.value.hint == (write if is_another else None)
    assert len(caught.value.issues) == (2 if "it:" in fault else 1 if is_another else 0)


def test_a_lock_file_of_version_2_is_read_alike(tmp_path: Path) -> None:
    document = json.loads((LOCKED / "package-lock.json").read_text())
    (tmp_path / "package-lock.json").write_text(json.dumps({**document, "lockfileVersion": 2, "dependencies": {}}))
    assert read_lock(node(), tmp_path, "amd64") == read_lock(node(), LOCKED, "amd64")

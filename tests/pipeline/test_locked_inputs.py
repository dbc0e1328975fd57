"""What a spec takes besides packages, in lock files: compared with what was locked, written where a lock is updated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import LockError
from sysimage.pipeline.locked_inputs import compare_with_lock, locked_inputs, tree_store
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.spec.parse import spec_of_value
from sysimage.trees.division import LEAST_SIZE
from sysimage.trees.selection import Selection
from sysimage_bootstrap.archive import ArchiveOptions, TransportOptions
from sysimage_bootstrap.packages.choose import ArchiveChoice
from sysimage_bootstrap.packages.lock import LockedInputs, LockFile, read_lock
from sysimage_bootstrap.packages.resolve import Resolution
from tests.support.jars import make_jar
from tests.support.npm_packages import integrity, make_tarball, write_lock
from tests.support.wheels import make_wheel, sha256

VERSIONS = {"python3.13": "3.13.5-2", "python3.13-minimal": "3.13.5-2", "libc6": "2.41-12"}


def lock_wheels(top: Path, *versions: str) -> None:
    lines = [
        f"x=={version} --hash=sha256:{sha256(top / f'wheels/x-{version}-py3-none-any.whl')}" for version in versions
    ]
    (top / "requirements.txt").write_text("\n".join(lines))


@pytest.fixture
def system(tmp_path: Path) -> DeclaredSystem:
    """A spec with everything, and a lock file of that."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/page").write_text("page")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/shop.py").write_text("")
    for version in ("1.0", "1.1"):
        make_wheel(tmp_path / "wheels", "x", version, {"x.py": ""})
    lock_wheels(tmp_path, "1.0")
    make_jar(tmp_path / "lib/a.jar")
    tarball = make_tarball(tmp_path / "npm/x.tgz", {})
    entry = {"version": "1.0.0", "integrity": integrity(tarball)}
    write_lock(tmp_path / "package-lock.json", {"node_modules/x": entry})
    value = {
        "name": "x",
        "packages": [],
        "trees": {"/srv/shop": {"source": "dist"}},
        "python": {"lock": "requirements.txt", "wheels": "wheels", "source": "src"},
        "node": {"lock": "package-lock.json", "at": "/srv/web", "tarballs": "npm"},
        "java": {"jars": ["lib"], "at": "/srv/lib"},
    }
    return declared(tmp_path, value)


def declared(top: Path, value: dict[str, Any]) -> DeclaredSystem:
    system = DeclaredSystem.of(spec_of_value(value, top).spec, top, top / "x.lock.json")
    LockFile({}, (), Resolution((), {}, ()), inputs=found(system)).write(top / "x.lock.json")
    return system


def found(system: DeclaredSystem) -> LockedInputs:
    return locked_inputs(system, sources(system), tree_store(system, system.spec_dir / "cache"), VERSIONS)


def sources(system: DeclaredSystem, *, locked: bool = False, stale: Any = "refuse") -> BuildSources:
    offline = ArchiveChoice(ArchiveOptions(datetime.now(UTC), transport=TransportOptions(offline=True)))
    return BuildSources(system.spec_dir / "cache", offline, locked=locked, stale=stale)


def changes(system: DeclaredSystem, *, locked: bool = False) -> list[str]:
    with pytest.raises(LockError, match="what the spec takes besides packages is not what was locked") as caught:
        compare_with_lock(system, sources(system, locked=locked), found(system))
    return [str(issue) for issue in caught.value.issues]


def test_each_kind_has_a_hash_by_name(system: DeclaredSystem) -> None:
    wheel, tarball, jar = (
        system.spec_dir / path for path in ("wheels/x-1.0-py3-none-any.whl", "npm/x.tgz", "lib/a.jar")
    )
    locked = found(system)
    assert list(locked) == ["trees", "python", "node", "java"]
    assert list(locked["trees"]) == ["/srv/shop", "/usr/local/lib/python"]
    assert locked["python"] == {"x": f"x-1.0-py3-none-any.whl sha256:{sha256(wheel)}"}
    (node,) = locked["node"].items()
    assert (node[0], node[1].partition(":")[0]) == ("node_modules/x", "x 1.0.0 sha512")
    assert tarball.is_file()
    assert locked["java"] == {"a.jar": f"sha256:{sha256(jar)}"}


def test_a_tree_has_the_hash_of_its_item_and_one_that_is_divided_that_of_all(system: DeclaredSystem) -> None:
    trees = tree_store(system, system.spec_dir / "cache")
    selection = Selection.of("/srv/shop", system.spec.trees["/srv/shop"], system.spec_dir, ())
    (item,) = trees.items(selection)
    assert found(system)["trees"]["/srv/shop"] == str(item.nar_hash)
    (system.spec_dir / "dist/large").mkdir()
    (system.spec_dir / "dist/large/data").write_bytes(bytes(LEAST_SIZE))
    first, second = trees.items(selection)
    lines = f"{first.path.name} {first.nar_hash}\n{second.path.name} {second.nar_hash}\n"
    assert found(system)["trees"]["/srv/shop"] == str(Digest.of(lines.encode()))


def test_trees_are_in_the_order_of_their_paths(system: DeclaredSystem) -> None:
    trees = {path: {"source": "dist"} for path in ("/var/x", "/srv/b", "/srv/a")}
    several = declared(
        system.spec_dir, {"name": "x", "packages": ["python3"], "trees": trees, "python": {"source": "src"}}
    )
    assert list(found(several)["trees"]) == ["/srv/a", "/srv/b", "/usr/local/lib/python", "/var/x"]


def test_what_was_locked_is_taken(system: DeclaredSystem) -> None:
    compare_with_lock(system, sources(system, locked=True), found(system))


def test_without_a_lock_file_anything_is_taken(system: DeclaredSystem) -> None:
    for lock_file in (None, system.spec_dir / "none.lock.json"):
        compare_with_lock(replace(system, lock_file=lock_file), sources(system, locked=True), {"trees": {"/x": "y"}})


def test_a_wheel_that_another_lock_file_chooses_now_is_an_error_of_every_build(system: DeclaredSystem) -> None:
    before = found(system)["python"]["x"]
    lock_wheels(system.spec_dir, "1.1")
    assert sources(system).compares_inputs(system)
    assert changes(system) == [f"python: x: now {found(system)['python']['x']}, locked {before}"]


def test_a_release_changes_trees_and_jars_and_only_a_locked_build_refuses_them(system: DeclaredSystem) -> None:
    before = found(system)
    (system.spec_dir / "dist/page").write_text("other")
    (system.spec_dir / "src/shop.py").write_text("other")
    make_jar(system.spec_dir / "lib/a.jar", {"B.class": "x"})
    compare_with_lock(system, sources(system), found(system))
    now = found(system)
    assert changes(system, locked=True) == [
        *(f"{path}: now {now['trees'][path]}, locked {before['trees'][path]}" for path in before["trees"]),
        f"java: a.jar: now {now['java']['a.jar']}, locked {before['java']['a.jar']}",
    ]


def test_what_came_and_went_is_named(system: DeclaredSystem) -> None:
    digest = str(Digest.of(b"new"))
    with pytest.raises(LockError) as caught:
        compare_with_lock(system, sources(system, locked=True), {"trees": {"/srv/new": digest}})
    assert [issue.message.partition(" sha")[0] for issue in caught.value.issues][:2] == [
        "now",
        "now not in the spec, locked",
    ]
    assert [issue.where for issue in caught.value.issues] == [
        "/srv/new",
        "/srv/shop",
        "/usr/local/lib/python",
        "python: x",
        "node: node_modules/x",
        "java: a.jar",
    ]


def test_an_update_writes_what_is_taken_now(system: DeclaredSystem) -> None:
    (system.spec_dir / "dist/page").write_text("other")
    lock_wheels(system.spec_dir, "1.1")
    compare_with_lock(system, sources(system, stale="update"), found(system))
    assert system.lock_file is not None
    assert read_lock(system.lock_file).inputs == found(system)


def test_a_plain_build_does_not_look_at_trees_and_a_preview_at_nothing(system: DeclaredSystem) -> None:
    assert not sources(system, stale="preview").compares_inputs(system)
    plain = declared(system.spec_dir, {"name": "x", "packages": [], "trees": {"/srv/shop": {"source": "dist"}}})
    assert not sources(plain).compares_inputs(plain)
    assert sources(plain, locked=True).compares_inputs(plain)
    assert sources(plain, stale="update").compares_inputs(plain)

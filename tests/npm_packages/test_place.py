"""The packages of a lock file are in a system's node_modules, built and whole, and none in the way of another."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.npm_packages.fetch import TarballSource
from sysimage.npm_packages.items import PackageItems
from sysimage.npm_packages.place import with_npm_packages
from sysimage.progress import silent
from sysimage.rootfs.accounts import NO_ACCOUNTS
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec import parse_spec
from sysimage.store.items import ShownFiles
from sysimage.trees.items import TreeStore
from sysimage.trees.place import with_trees
from sysimage_bootstrap.cache_prune import prune
from sysimage_bootstrap.store import ItemStore
from tests.support.dynamic_elf import dynamic_elf
from tests.support.npm_packages import integrity, make_tarball, write_lock
from tests.support.stores import make_item


def system(top: Path, *entries: Entry, node: bool = True) -> SystemResult:
    libc = make_item(top, "libc6-2.41-12", {"lib/x86_64-linux-gnu/libc.so.6": "x"})
    runtime = make_item(top, "nodejs-20.19.2" if node else "perl-5.40", {"bin/node": "x"})
    items = tuple(replace(item, shown=ShownFiles()) for item in (libc, runtime))
    return SystemResult(libc.path, None, items, None, tuple(entries), ImageDefaults((), (), None, {}))


def spec_text(**said: Any) -> dict[str, Any]:
    node = {"lock": "package-lock.json", "at": "/srv/app", "tarballs": "npm", **said}
    return {"name": "web", "packages": ["nodejs"], "node": node}


def placed(
    top: Path,
    files: dict[str, dict[str, str | bytes]],
    *entries: Entry,
    entry: dict[str, Any] | None = None,
    **said: Any,
) -> SystemResult:
    """The system with packages, given by name and what they hold; ``entry`` is more of what the lock file says."""
    locked = {}
    for name, content in files.items():
        tarball = make_tarball(top / "npm" / f"{name}.tgz", content, name=name)
        locked[f"node_modules/{name}"] = {"version": "1.0.0", "integrity": integrity(tarball), **(entry or {})}
    write_lock(top / "package-lock.json", locked)
    source = TarballSource(top / "cache/npm", {}, top, top / "npm")
    items = PackageItems(ItemStore(top / "cache/store", "/gnu/store"), "/srv/app")
    spec = parse_spec(json.dumps(spec_text(**said)))
    return with_npm_packages(spec, top, system(top, *entries), source, items, silent)


def faults(*arguments: Any, **said: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        placed(*arguments, **said)
    return [issue.message for issue in caught.value.issues]


def test_each_package_is_an_item_and_a_root_of_its_own(tmp_path: Path) -> None:
    result = placed(tmp_path, {"one": {}, "two": {}})
    assert [path.name for path in result.other_roots] == ["node-one-1.0.0", "node-two-1.0.0"]
    assert {item.shown.top for item in result.items if item.path in result.other_roots and item.shown} == {"/srv/app"}
    assert result.system.name == "libc6-2.41-12"


def test_a_spec_without_packages_has_the_system_as_it_is(tmp_path: Path) -> None:
    spec = parse_spec(json.dumps({"name": "web", "packages": []}))
    before = system(tmp_path, node=False)
    source, items = TarballSource(tmp_path, {}, tmp_path), PackageItems(ItemStore(tmp_path, "/gnu/store"), "/srv/app")
    assert with_npm_packages(spec, tmp_path, before, source, items, silent) is before


def test_what_the_store_has_is_not_fetched_again(tmp_path: Path) -> None:
    before = placed(tmp_path, {"one": {}, "two": {}})
    for place in (tmp_path / "npm").iterdir():
        place.unlink()
    spec = parse_spec(json.dumps(spec_text()))
    source = TarballSource(tmp_path / "cache/npm", {}, tmp_path, tmp_path / "npm")
    items = PackageItems(ItemStore(tmp_path / "cache/store", "/gnu/store"), "/srv/app")
    said: list[tuple[str, int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "", at: str = "") -> None:
        said.append((stage, done, total))

    (tmp_path / "again").mkdir()
    after = with_npm_packages(spec, tmp_path, system(tmp_path / "again"), source, items, progress)
    assert after.other_roots == before.other_roots
    assert said == [("npm packages", 1, 2), ("npm packages", 2, 2)]


def test_without_node_the_error_says_what_to_add(tmp_path: Path) -> None:
    spec = parse_spec(json.dumps(spec_text()))
    source, items = TarballSource(tmp_path, {}, tmp_path), PackageItems(ItemStore(tmp_path, "/gnu/store"), "/srv/app")
    with pytest.raises(SpecError) as caught:
        with_npm_packages(spec, tmp_path, system(tmp_path, node=False), source, items, silent)
    assert str(caught.value) == "cannot put npm packages into the image: the image has no Node"
    assert caught.value.hint == 'add "nodejs" to "packages"'


@pytest.mark.parametrize(
    ("files", "entry", "said"),
    [
        ({"binding.gyp": ""}, {}, "one 1.0.0 would have to be built: it has a binding.gyp"),
        ({}, {"hasInstallScript": True}, "one 1.0.0 has an install script, which is not run"),
        (
            {"a.node": dynamic_elf(machine=183), "binding.gyp": ""},
            {},
            "no .node file for this machine is in its tarball",
        ),
        (
            {"a.node": dynamic_elf(["libm.so", "libc.musl-x86_64.so.1"]), "binding.gyp": ""},
            {},
            "no .node file for this machine",
        ),
    ],
)
def test_a_package_that_would_have_to_be_built_is_refused(
    tmp_path: Path, files: dict[str, str | bytes], entry: dict[str, Any], said: str
) -> None:
    with pytest.raises(SpecError, match="cannot put the npm packages of web into the image") as caught:
        placed(tmp_path, {"one": files}, entry=entry)
    (issue,) = caught.value.issues
    assert said in issue.message
    assert issue.where == "/node/lock"
    assert issue.message.endswith(
        "and no .node file for this machine is in its tarball: take a version that brings one, or, if it works "
        'without, name it in "without-scripts"'
    )


def test_a_package_that_brings_what_is_built_is_taken(tmp_path: Path) -> None:
    others: dict[str, str | bytes] = {
        "prebuilds/linux-x64/a.glibc.node": dynamic_elf(["libc.so.6"]),
        "prebuilds/linux-x64/a.musl.node": dynamic_elf(["libc.musl-x86_64.so.1"]),
        "prebuilds/linux-arm64/a.node": dynamic_elf(["libodd.so.1"], machine=183),
        "binding.gyp": "",
    }
    assert placed(tmp_path, {"one": others}, entry={"hasInstallScript": True}).other_roots


def test_a_package_that_works_without_its_script_is_taken(tmp_path: Path) -> None:
    said = {"without-scripts": ["one"]}
    assert placed(tmp_path, {"one": {}}, entry={"hasInstallScript": True}, **said).other_roots
    elf: dict[str, str | bytes] = {"a.so": dynamic_elf(), "b/binding.gyp": ""}
    (fault,) = faults(tmp_path / "other", {"one": {}, "two": elf}, entry={"hasInstallScript": True}, **said)
    assert fault.startswith("two 1.0.0 has an install script, which is not run, and no .node file")


def test_a_library_that_is_nowhere_names_the_package_to_add(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, {"one": {"a.node": dynamic_elf(["libc.so.6", "libstdc++.so.6"])}})
    assert fault.endswith('a.node needs libstdc++.so.6, which the image lacks: add "libstdc++6" to "packages"')


def test_of_two_programs_with_one_name_the_first_counts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    result = placed(tmp_path, {"one": {"cli.js": ""}, "two": {"cli.js": ""}}, entry={"bin": {"run": "cli.js"}})
    hidden = [item.shown.left_out for item in result.items if item.path in result.other_roots and item.shown]
    assert hidden == [(), ("node_modules/.bin/run",)]
    assert "/srv/app/node_modules/.bin/run is that of node-one-1.0.0; node-two-1.0.0 has another one" in caplog.text


def test_a_file_in_the_place_of_a_package_s_directory_is_refused(tmp_path: Path) -> None:
    entry = Entry.symlink("/srv/app/node_modules", "elsewhere", 0, 0, "/symlinks/x")
    (fault,) = faults(tmp_path, {"one": {}}, entry)
    assert fault.endswith("/srv/app/node_modules is not a directory")


def test_a_tree_with_a_file_of_a_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "app/node_modules/one").mkdir(parents=True)
    (tmp_path / "app/node_modules/one/package.json").write_text("{}")
    spec = parse_spec(json.dumps({**spec_text(), "trees": {"/srv/app": {"source": "app"}}}))
    result = placed(tmp_path, {"one": {}})
    trees = TreeStore(ItemStore(tmp_path / "cache/store", "/gnu/store"), tmp_path / "cache/trees", ())
    with pytest.raises(SpecError) as caught:
        with_trees(spec, tmp_path, result, NO_ACCOUNTS, trees)
    (issue,) = caught.value.issues
    assert issue.message == "has a file at /srv/app/node_modules/one/package.json, where node-one-1.0.0 has one"


def test_packages_of_builds_that_may_come_again_stay_in_the_cache(tmp_path: Path) -> None:
    placed(tmp_path, {"one": {}})
    store = ItemStore(tmp_path / "cache/store", "/gnu/store")
    registered = next((tmp_path / "cache/store/var/sysimage/registered/gnu/store").iterdir())
    os.utime(registered, (1, 1))
    prune(tmp_path / "cache", time.time_ns() - 10**12)
    assert len(store.registered()) == 1
    prune(tmp_path / "cache", time.time_ns() + 10**12)
    assert not ItemStore(tmp_path / "cache/store", "/gnu/store").registered()

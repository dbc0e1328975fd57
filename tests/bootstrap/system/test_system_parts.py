"""What a whole system says beside its entries: progress, order, what is left out, which texts its items have."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.rootfs.system import LeftOutFile, SystemResult
from sysimage.spec.model import SystemSpec
from sysimage.store.items import ShownFiles
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe
from sysimage_bootstrap.system.certificates import bundle_item, keystore
from sysimage_bootstrap.system.python_sites import sites
from sysimage_bootstrap.system.scheme import OwnPathText
from sysimage_bootstrap.system.system import build_system
from sysimage_bootstrap.system.system_document import system_document
from sysimage_bootstrap.system.system_item import SystemFile, system_item
from sysimage_bootstrap.system.trigger_files import triggered_files
from sysimage_bootstrap.triggers.merged_tree import MergedTree
from tests.bootstrap.system.packages import installed, make_packages, make_programs, put

SYSLOG = "[Service]\nExecStart=/usr/sbin/daemon\n[Install]\nAlias=syslog.service\n"


def spec_of(**parts: Any) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], **parts})


def text_of(result: SystemResult, name: str) -> str:
    (system,) = (item for item in result.items if item.path == result.system)
    assert system.location is not None
    return (system.location / name).read_text()


@pytest.mark.parametrize(("enable", "serves"), [([], True), (["rsyslog"], False), (["other"], True)])
def test_the_init_reads_the_log_where_no_daemon_does(tmp_path: Path, enable: list[str], *, serves: bool) -> None:
    spec = spec_of(enable=enable)
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    units = {"lib/systemd/system/rsyslog.service": SYSLOG, "lib/systemd/system/other.service": SYSLOG[:41]}
    items, facts = make_packages(store, {"rsyslog": units})
    heard: list[tuple[str, int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "", at: str = "") -> None:
        heard.append((stage, done, total))

    result = build_system(spec, tmp_path, items, facts, store, make_programs(spec, store), progress)
    assert f'dash" {"#t" if serves else "#f"}\n' in text_of(result, "shepherd.conf")
    assert heard == [("system", number, 3) for number in range(4)]


def test_what_items_lack_is_listed_by_path_and_scripts_run_in_the_order_of_their_packages(tmp_path: Path) -> None:
    spec = spec_of(command=["/bin/bash"])
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    scripts = {name: {"postinst": f"#!/bin/sh\necho {name} >> /etc/order\n"} for name in ("a", "b", "c")}
    items, facts = make_packages(store, {name: {f"share/{name}": "x"} for name in scripts}, scripts)
    facts["a"] = replace(facts["a"], left_out={"share/z": ("manual", 5), "share/b": ("notes", 6)})
    last_first = {name: items[name] for name in (*(one for one in items if one not in scripts), "c", "a", "b")}
    result = build_system(spec, tmp_path, last_first, facts, store)
    assert result.left_out[str(items["a"].path)] == (
        LeftOutFile("share/b", "notes", 6),
        LeftOutFile("share/z", "manual", 5),
    )
    assert result.left_out[str(items["b"].path)] == ()
    (etc,) = (item for item in result.items if item.path.name == "etc")
    assert etc.location is not None
    assert (etc.location / "order").read_text() == "c\na\nb\n"
    shown = {item.path.name: item.shown for item in result.items}
    assert (shown["etc"], shown["system"], shown["a-1"]) == (None, None, ShownFiles((OURS,)))


OURS = "share/sysimage"


def test_the_system_item_has_its_parts_in_order_and_knows_its_own_path(tmp_path: Path) -> None:
    store = ItemStore(tmp_path, "/gnu/store")
    b, a, etc, boot = (
        store.realise(Recipe(name, "test", (), {}), lambda top: top.mkdir()).path for name in ("b", "a", "etc", "boot")
    )
    files = {"boot": SystemFile(OwnPathText(("at ", ".\n")), 0o755), "plain": SystemFile(OwnPathText(("x",)))}

    def made(files: dict[str, SystemFile], document: bytes = b"{}\n") -> Any:
        return system_item([b, a], etc, files, document, inputs=(), gc_roots=(boot, a), store=store)

    item = made(files)
    top = store.location(item.path)
    assert (top / "packages").read_text() == "".join(f"{path}\n" for path in sorted((a, b)))
    assert [str((top / name).readlink()) for name in ("etc", "profile", "gc-roots/0", "gc-roots/1")] == [
        *(str(etc), "/usr", str(boot), str(a)),
    ]
    assert (top / "boot").read_text() == f'at "{item.path}".\n'
    assert ((top / "boot").stat().st_mode & 0o777, (top / "plain").stat().st_mode & 0o777) in (
        (0o555, 0o444),
        (0o755, 0o644),
    )
    assert {*item.references} == {a, b, etc, boot, item.path}
    assert made(dict(reversed(files.items()))).path == item.path
    others = [
        made({**files, "plain": SystemFile(OwnPathText(("x",)), 0o755)}),
        made({**files, "plain": SystemFile(OwnPathText(("y",)))}),
        made(files, b"{ }\n"),
    ]
    assert len({item.path, *(other.path for other in others)}) == 4


def test_the_document_of_a_system_has_hashes_for_texts_and_no_place_of_this_machine(tmp_path: Path) -> None:
    put(tmp_path, {"program": "#!x", "text": "y"})
    spec = spec_of(
        files={
            "/a": {"source": "program"},
            "/b": {"source": "text"},
            "/c": {"text": "z", "mode": "0600"},
            "/d": {"text": ""},
        },
        trees={"/srv/app": {"source": "app"}},
        users={"ann": {"password-hash": "$y$x", "comment": "A"}},
    )
    text = system_document(spec, tmp_path)
    document = json.loads(text)
    assert text == json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"
    assert {path: (file["mode"], file["digest"]) for path, file in document["files"].items()} == {
        "/a": ("0755", str(Digest.of(b"#!x"))),
        "/b": ("0644", str(Digest.of(b"y"))),
        "/c": ("0600", str(Digest.of(b"z"))),
        "/d": ("0644", str(Digest.of(b""))),
    }
    assert all(not {"text", "source"} & file.keys() for file in document["files"].values())
    assert "source" not in document["trees"]["/srv/app"]
    assert document["users"]["ann"]["comment"] == "A"
    assert "password-hash" not in document["users"]["ann"]


def test_a_bundle_changes_with_the_newest_package_that_brings_certificates(tmp_path: Path) -> None:
    store = ItemStore(tmp_path, "/gnu/store")

    def package(name: str, changed: tuple[int, ...]) -> Any:
        def build(top: Path) -> BuiltItem:
            top.mkdir()
            return BuiltItem(name, changed)

        return store.realise(Recipe(name, "test", (), {}), build)

    packages = [package("a", (5,)), package("b", (3, 9)), package("c", (7,))]
    newest = bundle_item("bundle", b"text", packages, store)
    assert store.location(newest.path).read_bytes() == b"text"
    assert (newest.source, newest.changed) == ("c", (7,))
    alone = bundle_item("other", b"text", [], store)
    assert (alone.source, alone.changed) == (None, ())


def test_what_java_trusts_is_every_certificate_that_is_one() -> None:
    odd = {"/usr/share/ca-certificates/a.crt": b"no certificate", "/b.crt": b""}
    assert keystore(odd) == keystore({})


def test_pythons_that_have_a_site_are_found_in_order(tmp_path: Path) -> None:
    name = "sitecustomize.py"
    put(
        tmp_path, {f"python3.9/{name}": "x", f"python3/{name}": "-> /nowhere", "python3.13/x": "x", f"perl/{name}": "x"}
    )
    assert sites(tmp_path) == [f"python3/{name}", f"python3.9/{name}"]


def test_the_cache_of_libraries_is_made_where_there_is_a_c_library(tmp_path: Path) -> None:
    tree = MergedTree.of({"/usr/share/x": b"x"})
    libc = installed(tmp_path, "libc6", {"share/": ""}, version="2.41-12")
    other = installed(tmp_path, "other", {"share/": ""})
    assert triggered_files(tree, [other], "amd64") == {}
    assert list(triggered_files(tree, [other, libc], "amd64")) == ["/etc/ld.so.cache"]
    programs = installed(tmp_path, "libc-bin", {"share/": ""}, version="2.36-9")
    assert triggered_files(tree, [libc, programs], "amd64") != triggered_files(tree, [libc], "amd64")

"""Packages become items that run: relinked, with their scripts, links, bytecode and references, and only once."""

from __future__ import annotations

import hashlib
import importlib.util
import marshal
import os
import platform
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, MachineError
from sysimage.process import find, run
from sysimage.signals import listening
from sysimage.store.items import StoreItem
from sysimage_bootstrap.archive import native_architecture
from sysimage_bootstrap.building.build import build_items
from sysimage_bootstrap.building.bytecode import native_requests
from sysimage_bootstrap.building.make import BuildEnvironment, make_item
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debian.slim import Slim
from sysimage_bootstrap.debs.elf import read_elf
from sysimage_bootstrap.debs.inventory import Attributes, PackageFacts
from sysimage_bootstrap.debs.inventory_cache import InventoryCache
from sysimage_bootstrap.debs.unpack import unpack
from sysimage_bootstrap.planning.plan import plan_items
from sysimage_bootstrap.store import ItemStore
from tests.bootstrap.building.host_packages import (
    PYTHON,
    TRIPLET,
    add,
    add_c_library,
    add_python,
    add_shell,
    this_python,
)
from tests.bootstrap.debs.made_debs import Member, Shelf, program, symlink
from tests.support.processes import all_end, below

MODULE = b"""'Says it twice.'


def twice(text):
    return text + text


NAMES = {'a', 'b', 'c'}
POWER = 217 ** (1 / 12)
"""


@pytest.fixture(name="shelf", scope="module")
def _shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A little distribution: C library, shell, Python, and a package that uses all of them."""
    shelf = Shelf(tmp_path_factory.mktemp("debs"), {})
    add_c_library(shelf, find("dash").resolve(), this_python())
    add_shell(shelf)
    add_python(shelf)
    members = [
        program("./usr/bin/hello", b"#!/bin/sh\necho hello\n"),
        program("./usr/bin/su", find("dash").resolve().read_bytes(), 0o4755),
        symlink("./usr/bin/shell", "dash"),
        symlink("./usr/lib/config", "/etc/hello"),
        Member("./usr/lib/python3/dist-packages/twice.py", MODULE),
        Member("./usr/lib/python3/dist-packages/broken.py", b"def (:\n"),
        Member(f"./usr/lib/python{PYTHON}/local.py", MODULE),
        Member("./etc/hello", b"", mode=0o600, group="shadow"),
    ]
    add(shelf, "hello", members, depends="dash, libc6", source="greetings", conffiles="/etc/hello\n")
    add(shelf, "python3-minimal", [symlink("./usr/bin/python3", f"python{PYTHON}")])
    return shelf


def built(shelf: Shelf, store: ItemStore, workers: int = 1) -> Mapping[str, StoreItem]:
    return build_items(shelf.resolution, shelf.debs, store, architecture=native_architecture(), workers=workers)


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory) -> ItemStore:
    """A store whose logical paths exist on this machine, so that what is in it can be run."""
    top = tmp_path_factory.mktemp("s")
    store = ItemStore(top / "cache", f"{top}/store")
    store.items_dir.mkdir(parents=True)
    (top / "store").symlink_to(store.items_dir)
    return store


@pytest.fixture(name="items", scope="module")
def _items(shelf: Shelf, store: ItemStore) -> Mapping[str, StoreItem]:
    return built(shelf, store)


@pytest.mark.slow
def test_programs_and_scripts_run_from_the_store(items: Mapping[str, StoreItem]) -> None:
    assert run([f"{items['hello'].path}/bin/hello"]).stdout == b"hello\n"
    assert run([f"{items['hello'].path}/bin/shell", "-c", "echo $0"]).stdout.endswith(b"/bin/shell\n")


def test_a_slim_item_lacks_what_is_left_out_and_the_store_remembers_what(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "debs", {})
    shelf.directory.mkdir()
    text = b"Hello in so many words"
    add(
        shelf,
        "manual",
        [
            Member("./usr/share/man/man1/hello.1", text),
            symlink("./usr/share/man/man1/hi.1", "hello.1"),
            Member("./usr/share/doc/manual/README", text),
            Member("./usr/share/doc/manual/copyright", text),
            Member("./usr/share/doc/linked/README", text),
            symlink("./usr/share/doc/linked/copyright", "../manual/copyright"),
        ],
    )
    store = ItemStore(tmp_path, "/gnu/store")
    whole = built(shelf, store)["manual"]
    slim = build_items(shelf.resolution, shelf.debs, store, architecture=native_architecture(), slim=Slim(), workers=1)[
        "manual"
    ]
    top = store.location(slim.path)
    assert sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir() or path.is_symlink()) == [
        "share/doc/linked/copyright",
        "share/doc/manual/copyright",
        "share/sysimage/packages/manual",
    ]
    assert not (top / "share/man").exists(), "it held nothing else"
    assert (slim.path, slim.nar_hash) != (whole.path, whole.nar_hash)
    assert PackageFacts.parse(store.facts(slim.path)).left_out == {
        "share/doc/linked/README": ("documentation", len(text)),
        "share/doc/manual/README": ("documentation", len(text)),
        "share/man/man1/hello.1": ("manuals", len(text)),
        "share/man/man1/hi.1": ("manuals", 0),
    }
    assert PackageFacts.parse(store.facts(whole.path)).left_out == {}


def test_every_library_is_found_in_the_store(items: Mapping[str, StoreItem]) -> None:
    libc = items["libc6"]
    linker = next(Path(str(libc.path), "lib", TRIPLET).glob("ld-*"))
    count = 0
    for item in items.values():
        for path in sorted(Path(str(item.path)).rglob("*")):
            if path.is_symlink() or not path.is_file() or read_elf(path) is None or path.name.startswith("ld-"):
                continue
            for line in run([linker, "--list", path]).stdout.decode().splitlines():
                name, arrow, where = line.strip().partition(" => ")
                assert name.startswith("linux-vdso") or (where if arrow else name).startswith(libc.path.store_dir), line
            count += 1
    assert count >= 4


def test_references_are_the_content_and_the_declared_dependencies(items: Mapping[str, StoreItem]) -> None:
    def names(item: StoreItem) -> list[str]:
        return [reference.name for reference in item.references if reference != item.path]

    assert names(items["dash"]) == ["libc6-1.0-1"]
    assert names(items["hello"]) == ["dash-1.0-1", "libc6-1.0-1"]
    assert names(items["python3-minimal"]) == [f"python{PYTHON}-minimal-1.0-1"]
    propagated = Path(str(items["hello"].path), "share/sysimage/propagated-inputs/hello").read_text()
    assert propagated.splitlines() == [str(items["dash"].path), str(items["libc6"].path)]


def test_links_lead_to_the_store_and_to_etc(items: Mapping[str, StoreItem]) -> None:
    hello = Path(str(items["hello"].path))
    assert (hello / "bin/shell").readlink() == Path(str(items["dash"].path), "bin/dash")
    assert (hello / "lib/config").readlink() == Path("/etc/hello")


def test_modules_are_compiled_for_where_they_will_be(items: Mapping[str, StoreItem]) -> None:
    hello = Path(str(items["hello"].path))
    for folder in ("lib/python3/dist-packages", f"lib/python{PYTHON}"):
        source = next(path for path in (hello / folder).glob("*.py") if path.name != "broken.py")
        data = Path(importlib.util.cache_from_source(str(source))).read_bytes()
        assert data[:4] == importlib.util.MAGIC_NUMBER
        assert data[4:16] == b"\1\0\0\0" + importlib.util.source_hash(MODULE)
        code = marshal.loads(data[16:])
        assert code.co_filename == f"/usr/{folder}/{source.name}"
        assert "Says it twice." in code.co_consts
        # A processor with fused multiplication would make it …227.
        assert float.fromhex("0x1.90d0deef71228p+0") in code.co_consts or platform.machine() != "x86_64"
    assert not list(hello.rglob("__pycache__/broken*"))
    assert len(list(Path(str(items[f"python{PYTHON}-minimal"].path)).rglob("*.pyc"))) > 10


def test_what_is_lost_in_an_item_is_remembered(store: ItemStore, items: Mapping[str, StoreItem]) -> None:
    facts = PackageFacts.parse(ItemStore(store.root, store.store_dir).facts(items["hello"].path))
    assert facts.attributes == {
        "bin/su": Attributes(0o4755, "root", "root", False),
        "etc/hello": Attributes(0o600, "root", "shadow", False),
    }
    assert facts.conffiles == ("/etc/hello",)
    assert (facts.package, facts.version) == ("hello", "1.0-1")
    assert items["hello"].source == "greetings"


def test_an_item_says_which_package_it_is(store: ItemStore, items: Mapping[str, StoreItem]) -> None:
    hello = Path(str(items["hello"].path))
    text = (hello / "share/sysimage/packages/hello").read_text()
    assert "Package: hello\nVersion: 1.0-1\n" in text
    facts = PackageFacts.parse(store.facts(items["hello"].path))
    files = [file for file in hello.rglob("*") if file.is_file() and not file.is_symlink()]
    assert facts.md5sums == {str(file.relative_to(hello)): hashlib.md5(file.read_bytes()).hexdigest() for file in files}


def test_nothing_is_made_twice(shelf: Shelf, store: ItemStore, items: Mapping[str, StoreItem], tmp_path: Path) -> None:
    nowhere = Shelf(tmp_path, dict.fromkeys(shelf.debs, tmp_path / "gone"))
    assert built(nowhere, ItemStore(store.root, store.store_dir), workers=2) == items
    assert [path.name for path in (store.root / "var/sysimage/packages").iterdir()] == ["inventories"]


@pytest.mark.slow
def test_the_same_items_come_of_more_workers_other_order_and_another_umask(
    shelf: Shelf, store: ItemStore, items: Mapping[str, StoreItem], tmp_path: Path
) -> None:
    backwards = Shelf(shelf.directory, dict(reversed(shelf.debs.items())))
    other = ItemStore(tmp_path / "elsewhere", store.store_dir)
    old = os.umask(0o077)
    try:
        again = built(backwards, other, workers=2)
    finally:
        os.umask(old)
    assert [(i.path, i.nar_hash, i.references, i.changed) for i in again.values()] == [
        (i.path, i.nar_hash, i.references, i.changed) for i in items.values()
    ]


@pytest.mark.slow
def test_an_item_that_is_gone_is_made_again_though_its_inventory_is_known(
    shelf: Shelf, store: ItemStore, items: Mapping[str, StoreItem], tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(store.root, copy, symlinks=True)
    fresh = ItemStore(copy, store.store_dir)
    shutil.rmtree(copy / "var/sysimage/registered")
    again = built(shelf, fresh)
    assert [(i.path, i.nar_hash) for i in again.values()] == [(i.path, i.nar_hash) for i in items.values()]


def test_a_package_that_is_not_what_it_should_be_leaves_no_item(shelf: Shelf, tmp_path: Path) -> None:
    store = ItemStore(tmp_path / "cache", "/gnu/store")
    debs = dict(shelf.debs)
    shell = next(package for package in debs if package.name == "dash")
    debs[shell] = tmp_path / "dash.deb"
    debs[shell].write_bytes(shelf.debs[shell].read_bytes()[:-1])
    with pytest.raises(IntegrityError, match=r"cannot unpack dash 1\.0-1: it is not what the package list promised"):
        build_items(shelf.resolution, debs, store, architecture=native_architecture(), workers=1)
    assert store.items() == ()
    assert not list((store.root / "var/sysimage/packages").glob("run-*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("awaited", ["unpack", "make items"])
def test_a_build_that_is_ended_leaves_no_worker_and_no_draft(
    shelf: Shelf, tmp_path: Path, awaited: str, number: signal.Signals
) -> None:
    store = ItemStore(tmp_path / "cache", "/gnu/store")
    reading, writing = os.pipe()

    def wait(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        if stage == awaited and done:
            os.write(writing, b"reached")
            time.sleep(60)

    builder = os.fork()
    if not builder:
        try:
            with listening():
                build_items(shelf.resolution, shelf.debs, store, architecture=native_architecture(), progress=wait)
        finally:
            os._exit(3)
    os.close(writing)
    assert os.read(reading, 7) == b"reached"
    workers = below(builder)
    assert workers
    os.kill(builder, number)
    _, status = os.waitpid(builder, 0)
    os.close(reading)
    assert all_end(workers)
    if os.waitstatus_to_exitcode(status) == 3:  # and was not cut off, as on a busy machine
        assert not list((store.root / "var/sysimage/packages").glob("run-*"))
        assert not list(store.items_dir.glob(".making-*"))


def test_an_item_that_would_not_run_from_the_store_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    (libc,) = (package for package in shelf.debs if package.name == "libc6")
    store = ItemStore(tmp_path / "cache", "/gnu/store")
    inventory = unpack(shelf.debs[libc], tmp_path / "tree", libc)
    plan = plan_items(
        {"libc6": libc},
        {},
        {"libc6": inventory},
        store_dir="/gnu/store",
        architecture=native_architecture(),
        tools={},
        pythons={},
        alternatives={},
    )
    lazy = BuildEnvironment(
        store,
        ELF_TARGETS[native_architecture()],
        find("true"),
        {},
        tmp_path / "none",
        InventoryCache(tmp_path / "none"),
    )
    with pytest.raises(IntegrityError, match="not every file would run from the store") as caught:
        make_item(lazy, plan.items["libc6"], shelf.debs[libc])
    assert any("does not find libc.so.6 in the store" in str(issue) for issue in caught.value.issues)
    assert store.items() == ()


def test_packages_that_were_not_fetched_are_named(shelf: Shelf, tmp_path: Path) -> None:
    store = ItemStore(tmp_path / "cache", "/gnu/store")
    with pytest.raises(IntegrityError, match="were not fetched") as caught:
        build_items(shelf.resolution, {}, store, architecture=native_architecture())
    assert len(caught.value.issues) == len(shelf.debs)


def test_a_foreign_system_with_modules_needs_a_python_for_this_machine(shelf: Shelf, tmp_path: Path) -> None:
    store = ItemStore(tmp_path / "cache", "/gnu/store")
    with pytest.raises(MachineError, match="cannot compile Python modules"):
        build_items(
            shelf.resolution,
            shelf.debs,
            store,
            architecture=native_architecture(),
            native_architecture="another",
            native={},
            workers=1,
        )
    assert native_requests(shelf.debs) == (f"python{PYTHON}-minimal=1.0-1",)

"""The store of a base and ours as one: what is registered, rooted, numbered and left out, and what cannot be joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.bases import NO_BASE, BaseImage, BaseImageError, check_volumes, merged, tell_dropped_volumes
from sysimage.bases.rows import rows_on
from sysimage.bases.store_merge import closed_database, generation_on, roots_of, without_items_of
from sysimage.bases.volumes import kept_volumes
from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.layerplan import LayerPlan, PlannedLayer
from sysimage.notices import listen_to_notices
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import Store, StoreKind
from sysimage.store import StoreItem, StorePath
from sysimage.verify.packages import PackageRecords
from tests.bases.small_bases import base_of, spec_of
from tests.support import raw_tar as tar

STORE = Store()
PATHS = {name: StorePath("/gnu/store", name[0] * 32, name) for name in ("a", "b", "c", "d")}


def item(name: str, *references: str, digest: str = "0") -> StoreItem:
    needed = tuple(sorted(PATHS[reference] for reference in references))
    return StoreItem(PATHS[name], Digest(digest * 64), 5 + ord(name), needed)


@pytest.fixture
def base(tmp_path: Path) -> BaseImage:
    return base_of(tmp_path, tar.directory(b"usr"))


def test_the_database_lists_ours_and_what_the_base_has_beside(base: BaseImage) -> None:
    ours = Closure([item("a"), item("b", "a")])
    both = merged(ours, replace(base, items=(item("a"), item("c", "a"), item("d", "d"))), STORE)
    assert {one.path.name for one in both} == {"a", "b", "c", "d"}
    assert both.roots == ours.roots == (PATHS["b"],)
    assert merged(ours, replace(NO_BASE, items=(item("c"),)), STORE) is ours


def test_every_item_that_is_another_in_the_base_is_named(base: BaseImage) -> None:
    ours = Closure([item("a"), item("b"), item("c")])
    with pytest.raises(BaseImageError) as caught:
        merged(ours, replace(base, items=(item("a", digest="1"), item("b"), item("c", digest="2"))), STORE)
    assert str(caught.value).splitlines() == [
        f"cannot build on {base.path}: items of its store are not those of the same path here",
        f"  {PATHS['a']}: has the NAR hash sha256:{'1' * 64} in the base, sha256:{'0' * 64} here",
        f"  {PATHS['c']}: has the NAR hash sha256:{'2' * 64} in the base, sha256:{'0' * 64} here",
    ]
    assert caught.value.hint == "an item was built twice with different results; build on a base made from this store"


def test_databases_of_two_kinds_cannot_be_one(base: BaseImage) -> None:
    ours = Closure([item("a")])
    assert merged(ours, replace(base, state_dirs=("/var/guix",)), STORE)
    with pytest.raises(BaseImageError) as caught:
        merged(ours, replace(base, state_dirs=("/nix/var/nix", "/var/guix")), STORE)
    assert str(caught.value) == (
        "cannot merge store databases: the base's is in /nix/var/nix, this image's in /var/guix"
    )
    assert caught.value.hint == 'say "store": {"kind": …} as the base has it, or "database": false'
    assert merged(ours, replace(base, state_dirs=("/nix/var/nix",)), Store(kind=StoreKind.NIX))


def test_a_plan_has_nothing_that_the_base_has(base: BaseImage) -> None:
    closure = Closure([item("a"), item("b"), item("c")])
    sizes = {one.path: one.nar_size for one in closure}
    layers = (
        PlannedLayer((PATHS["a"], PATHS["b"]), sizes[PATHS["a"]] + sizes[PATHS["b"]], "why", 2.0),
        PlannedLayer((PATHS["c"],), sizes[PATHS["c"]], "alone"),
    )
    plan = LayerPlan(layers, 9)
    left = without_items_of(replace(base, items=(item("a"), item("c"))), plan, closure)
    assert left == LayerPlan((PlannedLayer((PATHS["b"],), sizes[PATHS["b"]], "why", 2.0),), 9)
    assert without_items_of(base, plan, closure) == plan


def test_what_only_we_register_of_a_base_is_a_root_unless_another_of_its_items_needs_it(base: BaseImage) -> None:
    below = replace(
        base,
        items=(item("a"), item("b", "a", "b"), item("c"), item("d", "c")),
        unregistered=(PATHS["a"], PATHS["b"], PATHS["c"]),
    )
    owned = Store(uid=5, gid=6)
    assert list(roots_of(below, owned)) == [
        Entry.directory("/var/guix/gcroots/base", 0o755, 5, 6),
        Entry.symlink(f"/var/guix/gcroots/base/{'b' * 32}", str(PATHS["b"]), 5, 6),
    ]
    assert list(roots_of(replace(below, unregistered=(PATHS["a"], PATHS["c"])), owned)) == []


def test_logs_of_a_database_that_was_in_use_are_emptied(tmp_path: Path) -> None:
    owned = Store(uid=5, gid=6)
    log = "var/guix/db/db.sqlite"
    found = base_of(tmp_path, tar.file(f"{log}-shm".encode(), b"x"))
    assert list(closed_database(found, owned)) == [Entry.file(f"/{log}-shm", b"", 0o644, 5, 6)]
    found = base_of(tmp_path, *(tar.file(f"{log}{suffix}".encode(), b"x") for suffix in ("-shm", "-wal", "-journal")))
    assert [one.path for one in closed_database(found, STORE)] == [f"/{log}-wal", f"/{log}-shm"]
    assert list(closed_database(base_of(tmp_path, tar.directory(b"var/guix/db")), STORE)) == []


@pytest.mark.parametrize(
    ("names", "number"),
    [
        ((), 1),
        (("system",), 1),
        (("system-1-link",), 2),
        (("system-9-link", "system-10-link", "system-2-link"), 11),
        (("system-999999999-link",), 1_000_000_000),
        (("system-1000000000-link", "system-3-linked", "asystem-4-link", "system-x-link"), 1),
    ],
)
def test_a_generation_comes_after_those_of_the_base(names: tuple[str, ...], number: int, tmp_path: Path) -> None:
    members = (tar.symlink(f"var/guix/profiles/{name}".encode(), b"x") for name in names)
    assert generation_on(base_of(tmp_path, *members, tar.directory(b"usr")), STORE) == number


VOLUMES = ["/", "/data", "/gnu", "/gnu/store", "/gnu/store/x", "/gnutella", "/link/guix", "/link/x", "/var/guix/db"]


def test_volumes_that_hide_the_store_or_its_state_are_not_kept(tmp_path: Path) -> None:
    members = tar.symlink(b"link", b"var"), tar.directory(b"var/guix")
    found = base_of(tmp_path, *members, Volumes={volume: {} for volume in VOLUMES})
    assert kept_volumes(found, STORE) == ("/data", "/gnutella", "/link/x")
    assert kept_volumes(found, Store(database=False)) == ("/data", "/gnutella", "/link/guix", "/link/x", "/var/guix/db")
    heard: list[str] = []
    with listen_to_notices(heard.append):
        tell_dropped_volumes(found, STORE)
    assert heard == [
        f"the base image declares the volume {volume}, in which a container engine would hide the store in /gnu/store: "
        "the image does not take it over"
        for volume in VOLUMES
        if volume not in ("/data", "/gnutella", "/link/x")
    ]
    with pytest.raises(BaseImageError) as caught:
        check_volumes(["/x", "/link/guix/db", "/y", "/gnu"], found, spec_of())
    assert str(caught.value).splitlines() == [
        f"cannot build on {found.path}: a volume would hide the store",
        "  /volumes/1: the base has a link on the way, and /link/guix/db would hide /gnu/store",
        "  /volumes/3: the base has a link on the way, and /gnu would hide /gnu/store",
    ]
    check_volumes(["/x", "/link/x"], found, spec_of())


def test_a_row_has_a_name_that_no_package_of_the_base_has_and_is_there_once(tmp_path: Path) -> None:
    status = "/var/lib/dpkg/status.d"
    there = base_of(tmp_path, tar.file(b"var/lib/dpkg/status.d/tool", b"theirs"))

    def rows(name: str) -> list[Entry]:
        row, digests = Entry.file(f"{status}/{name}", b"ours"), Entry.file(f"{status}/{name}.md5sums", b"digests")
        return [replace(one, item=PATHS["a"]) for one in (row, digests)]

    renamed = [replace(one, path=one.path.replace("/tool", f"/{'a' * 32}-a")) for one in rows("tool")]
    assert list(rows_on(there, rows("tool"))) == renamed
    assert list(rows_on(there, rows("other"))) == rows("other")
    others = [Entry.file(f"{status}/tool", b"ours"), replace(Entry.file("/etc/tool", b""), item=PATHS["a"])]
    assert list(rows_on(there, others)) == others, "which are not rows of items"
    held = replace(there, items=(item("a"),), packages=PackageRecords({str(PATHS["a"]): b"ours"}, {(b"x",): b"ours"}))
    assert list(rows_on(held, [*rows("other"), *others])) == others
    unreported = replace(held, packages=PackageRecords({str(PATHS["a"]): b"ours"}, {(b"x",): b"theirs"}))
    assert list(rows_on(unreported, rows("other"))) == rows("other")
    elsewhere = replace(held, items=(item("b"),))
    assert list(rows_on(elsewhere, rows("other"))) == rows("other")

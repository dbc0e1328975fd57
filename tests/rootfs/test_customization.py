"""The customization layer's tree: the spec's store, the system's entries, and the database of what is registered."""

from __future__ import annotations

import pytest

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.rootfs import Entry, RootTree
from sysimage.rootfs.customization import customization
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.spec.model import SystemSpec
from sysimage.store import StoreItem, StorePath
from sysimage.store.database import Schema, store_database


def item(name: str, store: str = "/gnu/store") -> StoreItem:
    return StoreItem(StorePath(store, name[0] * 32, name), Digest("0" * 64), 96)


def tree(kind: str, *, database: bool = True, **options: int) -> tuple[RootTree, StoreItem, list[StoreItem]]:
    """Of a system on an item of a base; and both."""
    spec = SystemSpec.model_validate({"name": "x", "packages": [], "store": {"kind": kind, "database": database}})
    system, below = (item(name, spec.store.store_dir) for name in ("system", "below"))
    result = SystemResult(
        *(system.path, None, (system,), None, (Entry.symlink("/bin", "usr/bin"),)),
        ImageDefaults((), (), None, {}),
    )
    accounts = [Entry.file("/etc/passwd", b"root:x:0:0::/:\n")]
    closure, registered = Closure([system]), Closure([system, below])
    return customization(spec, result, closure, registered, accounts=accounts, **options), system, list(registered)


@pytest.mark.parametrize(
    ("kind", "schema", "state"), [("guix", Schema.GUIX, "/var/guix"), ("nix", Schema.NIX, "/nix/var/nix")]
)
def test_the_database_is_in_the_schema_of_the_store_and_lists_the_items_of_a_base_too(
    kind: str, schema: Schema, state: str
) -> None:
    found, system, registered = tree(kind)
    assert found[f"{state}/db/db.sqlite"].read() == store_database(registered, schema)
    assert found[f"{state}/profiles/system"].target == "system-1-link"
    assert found[f"{state}/profiles/system-1-link"].target == str(system.path)
    assert (found["/bin"].target, found["/etc/passwd"].read()) == ("usr/bin", b"root:x:0:0::/:\n")


def test_a_later_generation_is_registered_under_its_number() -> None:
    found, system, _ = tree("guix", generation=7)
    assert found["/var/guix/profiles/system"].target == "system-7-link"
    assert found["/var/guix/profiles/system-7-link"].target == str(system.path)
    assert "/var/guix/profiles/system-1-link" not in found


def test_an_image_without_a_database_has_none_and_all_else() -> None:
    found, _, _ = tree("guix", database=False)
    assert [entry.path for entry in found if entry.path.startswith("/var/guix")] == []
    assert "/bin" in found
    assert "/etc/passwd" in found


def test_a_system_with_more_items_has_them_as_roots_of_their_own_and_once_in_its_closure() -> None:
    system, glibc, page, more = (item(name) for name in ("system", "glibc", "page", "more"))
    result = SystemResult(system.path, None, (glibc, system), None, (), ImageDefaults((), (), None, {}), (glibc.path,))
    after = result.with_items([page, more])
    assert after.items == (glibc, more, page, system)
    assert after.roots == (system.path, glibc.path, page.path, more.path)
    assert result.with_items([glibc]).items == (glibc, system)

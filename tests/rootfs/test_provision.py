"""The root file system around a store: listings of what is there before the first boot."""

from __future__ import annotations

import pytest

from sysimage.closure import Closure
from sysimage.digest import Digest
from sysimage.errors import IntegrityError
from sysimage.rootfs import Entry, Kind, RootTree, TreeError
from sysimage.rootfs.accounts import parse_accounts
from sysimage.rootfs.provision import account_files, layered, provision
from sysimage.spec.model import SystemSpec
from sysimage.store import StoreItem, StorePath

ACCOUNTS = parse_accounts("root:*:0:0:root:/root:/bin/sh\n", "root:*:0:\nshadow:*:42:\n")


def system(store_dir: str) -> tuple[StorePath, Closure]:
    path = StorePath(store_dir, "0" * 32, "system")
    return path, Closure([StoreItem(path, Digest("0" * 64), 96)])


def listing(kind: str, **options: object) -> str:
    spec = SystemSpec.model_validate({"name": "x", "packages": [], "store": {"kind": kind}})
    path, closure = system(spec.store.store_dir)
    tree = provision(
        spec, path, closure, account_files(ACCOUNTS), [], b"sqlite" if options.get("database", True) else None
    )
    return "".join(
        f"{entry.path} {entry.mode:04o} {entry.uid}:{entry.gid}"
        + (f" -> {entry.target}" if entry.target else "")
        + (f" {entry.size()} bytes" if entry.content is not None else "")
        + "\n"
        for entry in tree
    )


def test_a_guix_root() -> None:
    assert listing("guix") == (
        """\
/ 0755 0:0
/dev 0755 0:0
/etc 0755 0:0
/etc/group 0644 0:0 23 bytes
/etc/gshadow 0640 0:42 20 bytes
/etc/passwd 0644 0:0 30 bytes
/etc/shadow 0640 0:42 14 bytes
/gnu 0755 0:0
/gnu/store 1775 0:0
/home 0755 0:0
/mnt 0755 0:0
/proc 0755 0:0
/root 0700 0:0
/run 0755 0:0
/srv 0755 0:0
/sys 0755 0:0
/tmp 1777 0:0
/var 0755 0:0
/var/cache 0755 0:0
/var/empty 0755 0:0
/var/guix 0755 0:0
/var/guix/db 0755 0:0
/var/guix/db/db.sqlite 0644 0:0 6 bytes
/var/guix/gcroots 0755 0:0
/var/guix/gcroots/booted-system 0777 0:0 -> /run/booted-system
/var/guix/gcroots/current-system 0777 0:0 -> /run/current-system
/var/guix/gcroots/profiles 0777 0:0 -> /var/guix/profiles
/var/guix/profiles 0755 0:0
/var/guix/profiles/per-user 0755 0:0
/var/guix/profiles/per-user/root 0755 0:0
/var/guix/profiles/system 0777 0:0 -> system-1-link
/var/guix/profiles/system-1-link 0777 0:0 -> /gnu/store/00000000000000000000000000000000-system
/var/lib 0755 0:0
/var/log 0755 0:0
/var/tmp 1777 0:0
"""
    )


def test_a_nix_root_differs_in_where_its_state_is_and_says_its_schema() -> None:
    state = [line for line in listing("nix").splitlines() if line.startswith("/nix/")]
    assert state == [
        "/nix/store 1775 0:0",
        "/nix/var 0755 0:0",
        "/nix/var/nix 0755 0:0",
        "/nix/var/nix/db 0755 0:0",
        "/nix/var/nix/db/db.sqlite 0644 0:0 6 bytes",
        "/nix/var/nix/db/schema 0644 0:0 2 bytes",
        "/nix/var/nix/gcroots 0755 0:0",
        "/nix/var/nix/gcroots/booted-system 0777 0:0 -> /run/booted-system",
        "/nix/var/nix/gcroots/current-system 0777 0:0 -> /run/current-system",
        "/nix/var/nix/gcroots/profiles 0777 0:0 -> /nix/var/nix/profiles",
        "/nix/var/nix/profiles 0755 0:0",
        "/nix/var/nix/profiles/per-user 0755 0:0",
        "/nix/var/nix/profiles/per-user/root 0755 0:0",
        "/nix/var/nix/profiles/system 0777 0:0 -> system-1-link",
        "/nix/var/nix/profiles/system-1-link 0777 0:0 -> /nix/store/00000000000000000000000000000000-system",
    ]


@pytest.mark.parametrize(
    ("kind", "others"),
    [("nix", {"/nix", "/nix/var", "/nix/var/log", "/nix/var/log/nix", "/nix/var/log/nix/drvs"}),
     ("guix", {"/gnu", "/var/log/guix", "/var/log/guix/drvs"})],
)  # fmt: skip
def test_everything_that_the_stores_owner_needs_belongs_to_that_owner(kind: str, others: set[str]) -> None:
    store = {"kind": kind, "uid": 1000, "gid": 100}
    users = {"ann": {"uid": 1000}, "bob": {"uid": 1001}}
    spec = SystemSpec.model_validate({"name": "x", "packages": [], "store": store, "users": users})
    path, closure = system(spec.store.store_dir)
    tree = provision(spec, path, closure, account_files(ACCOUNTS), [], b"sqlite")
    state = spec.store.state_dir
    wanted = {entry.path for entry in tree if f"{entry.path}/".startswith(f"{state}/")} | others
    assert {f"{state}/profiles/per-user/ann", f"{state}/gcroots/per-user/ann", f"{state}/profiles"} <= wanted
    owned = {entry.path for entry in tree if (entry.uid, entry.gid) == (1000, 100)}
    assert owned == wanted | {spec.store.store_dir}
    for entry in tree:
        if entry.path in owned and entry.kind is Kind.DIRECTORY:
            assert entry.mode == (0o1775 if entry.path == spec.store.store_dir else 0o755)
    assert not any(path.endswith("/bob") for path in owned)


@pytest.mark.parametrize("uid", [0, 1002])
def test_only_a_stores_owner_other_than_root_has_a_profile_of_its_own(uid: int) -> None:
    users = {"ann": {"uid": 1000}, "bob": {"uid": 1001}, "cy": {}}
    spec = SystemSpec.model_validate({"name": "x", "packages": [], "store": {"uid": uid}, "users": users})
    path, closure = system("/gnu/store")
    tree = provision(spec, path, closure, (), [], b"sqlite")
    assert [entry.path for entry in tree if "per-user/" in entry.path] == ["/var/guix/profiles/per-user/root"]
    assert ("/var/log/guix" in tree) == (uid != 0)


def test_items_beside_the_system_are_roots_under_their_hash_parts_and_so_are_all_of_a_pack() -> None:
    def spec(**said: object) -> SystemSpec:
        return SystemSpec.model_validate({"name": "x", **{key.replace("_", "-"): one for key, one in said.items()}})

    items = [StoreItem(StorePath("/gnu/store", part * 32, f"item-{part}"), Digest("0" * 64), 96) for part in "012"]
    closure = Closure(items, roots=[items[1].path, items[0].path])
    system = provision(spec(packages=[]), items[1].path, closure, (), [], b"sqlite", generation=3)
    assert {path: target for path, target in links(system).items() if "/image/" in path or "system-" in path} == {
        f"/var/guix/gcroots/image/{'0' * 32}": f"/gnu/store/{'0' * 32}-item-0",
        "/var/guix/profiles/system-3-link": f"/gnu/store/{'1' * 32}-item-1",
    }
    pack = provision(spec(from_store={"paths": ["a", "b"]}), items[1].path, closure, (), [], b"sqlite")
    assert links(pack) == {
        "/var/guix/gcroots/profiles": "/var/guix/profiles",
        f"/var/guix/gcroots/image/{'0' * 32}": f"/gnu/store/{'0' * 32}-item-0",
        f"/var/guix/gcroots/image/{'1' * 32}": f"/gnu/store/{'1' * 32}-item-1",
    }
    assert pack["/var/guix/db/db.sqlite"].read() == b"sqlite"
    store_system = provision(spec(from_store={"system": "a"}), items[1].path, closure, (), [], b"")
    assert links(store_system).keys() == {
        *(f"/var/guix/gcroots/{name}" for name in ("booted-system", "current-system", "profiles", f"image/{'0' * 32}")),
        *("/var/guix/profiles/system", "/var/guix/profiles/system-1-link"),
    }


def links(tree: RootTree) -> dict[str, str | None]:
    return {entry.path: entry.target for entry in tree if entry.kind is Kind.SYMLINK}


def test_a_root_without_a_database_has_nothing_of_the_stores_state() -> None:
    assert "/var/guix" not in listing("guix", database=False)


def test_a_system_outside_the_closure_is_refused() -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": []})
    _, closure = system("/gnu/store")
    with pytest.raises(IntegrityError) as caught:
        provision(spec, StorePath("/gnu/store", "1" * 32, "system"), closure, (), [], None)
    assert str(caught.value) == (f"cannot make a root file system: /gnu/store/{'1' * 32}-system is not in the closure")


def test_entries_come_before_the_skeleton_and_contradictions_among_them_are_named() -> None:
    spec = SystemSpec.model_validate({"name": "x", "packages": []})
    path, closure = system("/gnu/store")
    tree = provision(spec, path, closure, (), [Entry.directory("/srv", 0o700, 5, 6, "mine")], None)
    assert tree["/srv"] == Entry.directory("/srv", 0o700, 5, 6, "mine")
    with pytest.raises(TreeError, match="/x: declared by one and, differently, by two"):
        provision(
            spec,
            path,
            closure,
            (),
            [Entry.file("/x", b"1", owner="one"), Entry.file("/x", b"2", owner="two")],
            None,
        )


def test_a_later_group_takes_the_place_of_an_earlier_one() -> None:
    first, second = Entry.file("/a", b"1"), Entry.file("/a", b"2")
    assert layered([first], [second]) == (second,)
    assert layered([first, second]) == (first, second)
    assert layered([first, second], [second], [first]) == (first,)
    names = [Entry.directory(f"/{name}") for name in "cabd"]
    assert layered(names[:2], names[2:]) == tuple(sorted(names, key=lambda entry: entry.path))

"""Where each entry goes on a base: along its links, into its directories, in the place of its files, or nowhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.bases import NO_BASE, BaseImage, BaseImageError, place_on
from sysimage.rootfs.tree import Entry, RootTree
from sysimage.spec.model import Store
from sysimage.store.paths import StorePath
from tests.bases.small_bases import base_of
from tests.support import raw_tar as tar

STORE = Store()
ITEM = StorePath("/gnu/store", "0" * 32, "item")
BASE = (
    tar.directory(b"etc", 0o711, uid=3, gid=4),
    tar.file(b"etc/file", b"theirs"),
    tar.symlink(b"etc/link", b"file"),
    tar.directory(b"etc/empty"),
    tar.directory(b"etc/full"),
    tar.file(b"etc/full/x", b""),
    tar.directory(b"usr/bin", 0o2755, gid=5),
    tar.symlink(b"bin", b"usr/bin"),
    tar.symlink(b"far", b"bin"),
    tar.symlink(b"dangling", b"nowhere"),
    tar.symlink(b"to-file", b"etc/file"),
    tar.header(b"pipe", b"6"),
    tar.pax([(b"SCHILY.xattr.user.a", b"1"), (b"SCHILY.xattr.system.posix_acl_access", b"2")])
    + tar.directory(b"noted", 0o750, uid=6, gid=7),
    tar.directory(b"gnu/store", 0o700, uid=8),
    tar.directory(f"{str(ITEM)[1:]}/bin".encode(), 0o555),
    tar.symlink(b"profile", f"{ITEM}/bin".encode()),
    tar.symlink(b"shop", b"gnu/store"),
    tar.symlink(b"up", b"/"),
    tar.directory(b"run/current-system"),
    tar.file(b"run/current-system/x", b""),
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseImage:
    return base_of(tmp_path_factory.mktemp("base"), *BASE)


def placed(base: BaseImage, *entries: Entry, store: Store = STORE) -> list[Entry]:
    """Without the directories above them, all of which the base has."""
    given = {entry.path for entry in entries}
    found = place_on(RootTree(entries), base, store)
    return [entry for entry in found if entry.owner != "sysimage" or entry.path in given]


def refused(base: BaseImage, *entries: Entry, store: Store = STORE) -> list[str]:
    with pytest.raises(BaseImageError) as caught:
        place_on(RootTree(entries), base, store)
    assert caught.value.message == f"cannot build on {base.path}: what is to be in the image contradicts it"
    assert caught.value.hint == "leave out of the spec, or of the base, what is in both"
    return [str(issue) for issue in caught.value.issues]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (Entry.file("/new", b"", 0o600, 1, 2, "me"), Entry.file("/new", b"", 0o600, 1, 2, "me")),
        (Entry.file("/etc/file", b"ours", owner="me"), Entry.file("/etc/file", b"ours", owner="me")),
        (Entry.file("/etc/link", b"ours", owner="me"), Entry.file("/etc/link", b"ours", owner="me")),
        (Entry.file("/dangling", b"ours", owner="me"), Entry.file("/dangling", b"ours", owner="me")),
        (Entry.file("/to-file", b"ours", owner="me"), Entry.file("/to-file", b"ours", owner="me")),
        (Entry.file("/etc/empty", b"ours", owner="me"), Entry.file("/etc/empty", b"ours", owner="me")),
        (Entry.file("/bin/new", b"", owner="me"), Entry.file("/usr/bin/new", b"", owner="me")),
        (Entry.file("/far/new", b"", owner="me"), Entry.file("/usr/bin/new", b"", owner="me")),
        (Entry.symlink("/up/home", "x", owner="me"), Entry.symlink("/home", "x", owner="me")),
        (Entry.directory("/up/new", owner="me"), Entry.directory("/new", owner="me")),
        (Entry.file("/up/srv/x", b"", owner="me"), Entry.file("/srv/x", b"", owner="me")),
        (Entry.symlink("/bin", "usr/bin", owner="me"), None),
        (Entry.symlink("/bin", "usr/bin"), Entry.symlink("/bin", "usr/bin")),
        (Entry.symlink("/usr/bin", "x"), Entry.symlink("/usr/bin", "x")),
        (Entry.symlink("/etc/full", "x"), None),
        (Entry.directory("/bin", 0o711, 1, 2, "me"), Entry.directory("/usr/bin", 0o711, 1, 2, "me")),
        (Entry.directory("/far", 0o711, 1, 2, "me"), Entry.directory("/usr/bin", 0o711, 1, 2, "me")),
        (Entry.directory("/bin"), None),
        (Entry.directory("/dangling"), None),
        (Entry.directory("/etc", 0o700, 1, 2, "me"), Entry.directory("/etc", 0o700, 1, 2, "me")),
        (Entry.directory("/etc"), Entry.directory("/etc", 0o711, 3, 4)),
        (replace(Entry.directory("/etc"), item=ITEM), replace(Entry.directory("/etc", 0o711, 3, 4), item=ITEM)),
        (Entry.directory("/gnu/store", 0o1775), Entry.directory("/gnu/store", 0o1775)),
        (
            Entry.directory("/noted"),
            replace(
                Entry.directory("/noted", 0o750, 6, 7),
                attributes=((b"SCHILY.xattr.system.posix_acl_access", b"2"), (b"SCHILY.xattr.user.a", b"1")),
            ),
        ),
        (
            Entry.directory("/noted", 0o700, 1, 2, "me"),
            replace(Entry.directory("/noted", 0o700, 1, 2, "me"), attributes=((b"SCHILY.xattr.user.a", b"1"),)),
        ),
    ],
)
def test_an_entry_goes_where_the_base_lets_it(base: BaseImage, given: Entry, found: Entry | None) -> None:
    expected = [] if found is None else [found]
    assert [one for one in placed(base, given) if one.path in {given.path, found.path if found else ""}] == expected


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (Entry.file("/etc/file/x", b"", owner="me"), "/etc/file/x: the base has a file at /etc/file (from me)"),
        (Entry.file("/pipe/x", b"", owner="me"), "/pipe/x: the base has a FIFO at /pipe (from me)"),
        (
            Entry.file("/dangling/x", b"", owner="me"),
            "/dangling/x: the base has a link at /dangling that leads to no directory (from me)",
        ),
        (
            Entry.file("/to-file/x", b"", owner="me"),
            "/to-file/x: the base has a link at /to-file that leads to no directory (from me)",
        ),
        (
            Entry.file("/etc/full", b"", owner="me"),
            "/etc/full: is a file, the base has a directory there (from me)",
        ),
        (
            Entry.symlink("/etc/full", "x", owner="me"),
            "/etc/full: is a symlink, the base has a directory there (from me)",
        ),
        (
            Entry.symlink("/run/current-system", "x"),
            "/run/current-system: is a symlink, the base has a directory there (from sysimage)",
        ),
        (
            Entry.file("/bin", b"", owner="me"),
            "/bin: is a file, the base has a link to its directory /usr/bin there (from me)",
        ),
        (
            Entry.symlink("/far", "usr/bin", owner="me"),
            "/far: is a symlink, the base has a link to its directory /usr/bin there (from me)",
        ),
        (
            Entry.directory("/profile", owner="me"),
            "/profile: is a directory, the base has a symlink there (from me)",
        ),
        (Entry.directory("/etc/file", owner="me"), "/etc/file: is a directory, the base has a file there (from me)"),
        (Entry.directory("/pipe"), "/pipe: is a directory, the base has a FIFO there (from sysimage)"),
        (
            Entry.file("/shop/x", b"", owner="me"),
            "/shop/x: the base has a link on the way, into its store: /gnu/store/x (from me)",
        ),
        (
            Entry.symlink("/up/etc", "x", owner="me"),
            "/up/etc: the base has a link on the way, to /etc, and that is the system's own: every program's "
            "configuration is in it (from me)",
        ),
        (
            Entry.directory("/up/home", owner="me"),
            "/up/home: the base has a link on the way, to /home, and that is the system's own: every user's home is in "
            "it (from me)",
        ),
        (
            Entry.directory("/up/tmp", owner="me"),
            "/up/tmp: the base has a link on the way, to /tmp, and that is the system's own: every program's temporary "
            "files are in it (from me)",
        ),
        (
            Entry.file("/shop/x", b""),
            "/shop/x: the base has a link on the way, into its store: /gnu/store/x (from sysimage)",
        ),
    ],
)
def test_what_cannot_be_put_on_the_base_is_named(base: BaseImage, given: Entry, fault: str) -> None:
    faults = [one for one in refused(base, given) if one.startswith(f"{given.path}:")]
    assert faults == [fault]


def test_every_conflict_is_named_in_the_order_of_paths(base: BaseImage) -> None:
    entries = [Entry.file(path, b"", owner="me") for path in ("/pipe/x", "/bin", "/etc/file/x")]
    assert [one.partition(":")[0] for one in refused(base, *entries)] == [
        "/bin",
        "/etc/file",
        "/etc/file/x",
        "/pipe",
        "/pipe/x",
    ]


def test_a_link_to_the_store_of_the_item_below_it_may_take_its_place(base: BaseImage) -> None:
    link = Entry.symlink("/profile", f"{ITEM}/sbin", owner="me")
    assert placed(base, link) == [link]


def test_directories_above_are_written_as_the_base_has_them(base: BaseImage) -> None:
    tree = place_on(RootTree([Entry.file("/usr/bin/new", b"", owner="me")]), base, STORE)
    assert [(one.path, one.mode, one.gid) for one in tree] == [
        ("/", 0o755, 0),
        ("/usr", 0o755, 0),
        ("/usr/bin", 0o2755, 5),
        ("/usr/bin/new", 0o644, 0),
    ]
    along = place_on(RootTree([Entry.file("/far/new", b"", owner="me")]), base, STORE)
    assert along == tree


def test_what_is_at_a_place_itself_counts_more_than_what_a_link_brings_there(base: BaseImage) -> None:
    """Links of the base give two entries one place."""
    for one, other in (("/bin/x", "/usr/bin/x"), ("/usr/bin/x", "/bin/x")):
        entries = Entry.file(one, b"1", owner="me"), Entry.file(other, b"2", owner="me")
        (found,) = (entry for entry in place_on(RootTree(entries), base, STORE) if entry.path == "/usr/bin/x")
        assert found.content == (b"1" if one == "/usr/bin/x" else b"2")


def test_directories_of_the_stores_owner_are_written_as_that_owner_has_them(tmp_path: Path) -> None:
    base = base_of(tmp_path, tar.directory(b"var/log/guix"), tar.directory(b"var/guix/db"))
    owned = Store(uid=1000, gid=100)
    for path in ("/var/log/guix", "/var/guix/db", "/var/guix"):
        entry = Entry.directory(path, 0o755, 1000, 100)
        assert next(one for one in place_on(RootTree([entry]), base, owned) if one.path == path) == entry
    log = Entry.directory("/var/log/guix", 0o700, 1000, 100)
    assert next(one for one in place_on(RootTree([log]), base, STORE) if one.path == log.path).uid == 0


def test_a_link_in_the_place_of_the_store_is_refused(tmp_path: Path) -> None:
    base = base_of(tmp_path, tar.symlink(b"gnu", b"srv"), tar.directory(b"srv"))
    entry = Entry.directory("/gnu/store", 0o1775)
    assert refused(base, entry) == [
        "/gnu/store: the base has a link on the way, to /srv/store, where the store must be itself (from sysimage)"
    ]


def test_without_a_base_everything_stays_as_it_is() -> None:
    tree = RootTree([Entry.file("/bin/x", b"")])
    assert place_on(tree, NO_BASE, STORE) is tree

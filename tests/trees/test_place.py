"""Files of trees in a system: what they replace, whose they are, and what stays in their way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.rootfs.accounts import Accounts, Group, User
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec import parse_spec
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.trees.division import LEAST_SIZE
from sysimage.trees.items import TreeStore
from sysimage.trees.place import with_trees
from sysimage_bootstrap.store import ItemStore
from tests.support.stores import make_item

ACCOUNTS = Accounts((User("root", 0, 0), User("web", 7, 8)), (Group("root", 0), Group("web", 8)))
PAGE: Mapping[str, str | bytes | None] = {"index.html": "ours", "icons/logo": "logo"}
"""A tree with a page, as a Dockerfile copies it over that of a web server."""
Source = Mapping[str, str | bytes | None]
IN_USR = ShownFiles()


def package(top: Path, name: str, files: Source, shown: ShownFiles | None = IN_USR) -> StoreItem:
    return replace(make_item(top / "packages", f"{name}-1", files), shown=shown)


def system_of(items: Sequence[StoreItem], entries: Sequence[Entry] = ()) -> SystemResult:
    return SystemResult(items[0].path, None, tuple(items), None, tuple(entries), ImageDefaults((), (), None, {}))


def placed(
    top: Path,
    trees: Mapping[str, Mapping[str, Any]],
    sources: Mapping[str, Source],
    items: Sequence[StoreItem] = (),
    entries: Sequence[Entry] = (),
    **spec: Any,
) -> SystemResult:
    """A system with trees, of directories that have the files of ``sources``."""
    for name, files in sources.items():
        make_item(top / "made", name, files)
        (top / name).symlink_to(next(iter((top / "made").glob(f"*-{name}"))))
        for place in (top / "made").rglob("*"):
            place.chmod(0o755 if place.is_dir() or place.stat().st_mode & 0o100 else 0o644, follow_symlinks=True)
    said = {"name": "web", "packages": ["server"], "users": {"web": {}}, "trees": trees, **spec}
    store = TreeStore(ItemStore(top / "store", "/gnu/store"), top / "memory")
    system = system_of(items or [package(top, "server", {"bin/server": b""})], entries)
    return with_trees(parse_spec(json.dumps(said)), top, system, ACCOUNTS, store)


def replaced(top: Path, files: Source, **tree: Any) -> SystemResult:
    """A system with one package in ``/usr``, and the page in its ``share/web``."""
    trees = {"/usr/share/web": {"source": "html", **tree}}
    return placed(top, trees, {"html": PAGE}, [package(top, "server", files)])


def faults(top: Path, *arguments: Any, **spec: Any) -> list[str]:
    with pytest.raises(SpecError) as caught:
        placed(top, *arguments, **spec)
    assert caught.value.message == "cannot put the trees of web into the image"
    return [f"{issue.where}: {issue.message}" for issue in caught.value.issues]


def trees_of(system: SystemResult) -> list[StoreItem]:
    return [item for item in system.items if item.path.name.startswith("tree-")]


def test_a_system_without_trees_stays_as_it_is(tmp_path: Path) -> None:
    system = system_of([package(tmp_path, "server", {})])
    spec = parse_spec('{"name": "web", "packages": []}')
    store = TreeStore(ItemStore(tmp_path / "store", "/gnu/store"), tmp_path / "memory")
    assert with_trees(spec, tmp_path, system, ACCOUNTS, store) is system
    assert not (tmp_path / "store").exists()


def test_a_file_of_a_tree_replaces_a_package_s_in_usr(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    system = replaced(tmp_path, {"share/web/index.html": "theirs", "share/web/icons/other": ""})
    (tree,) = trees_of(system)
    assert tree.location is not None
    ours = Entry.file("/usr/share/web/index.html", tree.location / "index.html", owner="/trees/~1usr~1share~1web")
    assert system.entries == (ours,)
    assert system.entries[0].known_digest == Digest.of(b"ours")
    assert tree.shown == ShownFiles(("index.html",), top="/usr/share/web")
    assert caplog.messages == [
        "/usr/share/web/index.html is the file of the tree /usr/share/web, instead of that of server-1"
    ]


@pytest.mark.parametrize(
    "shown", [None, ShownFiles(("share/web",)), ShownFiles(top="/opt/x"), ShownFiles(("share/web/index.html",))]
)
def test_what_a_package_does_not_show_there_is_not_replaced(tmp_path: Path, shown: ShownFiles | None) -> None:
    server = package(tmp_path, "server", {"share/web/index.html": "theirs"}, shown)
    system = placed(tmp_path, {"/usr/share/web": {"source": "html"}}, {"html": PAGE}, [server])
    assert system.entries == ()
    assert [tree.shown for tree in trees_of(system)] == [ShownFiles(top="/usr/share/web")]
    assert system.other_roots == tuple(tree.path for tree in trees_of(system))


def test_a_tree_is_shown_in_the_order_of_its_paths_whatever_it_replaces(tmp_path: Path) -> None:
    """Links and programs of packages too, of several of them."""
    theirs = {f"share/web/{name}": "-> nowhere" for name in ("b", "a", "d/x", "c")}
    one, two = package(tmp_path, "one", theirs), package(tmp_path, "two", theirs)
    ours: Source = {"b": "", "c": "-> b", "d/x": b"", "d/y": "", "a": ""}
    system = placed(tmp_path, {"/usr/share/web": {"source": "html"}}, {"html": ours}, [one, two])
    assert [(entry.path, entry.kind, entry.mode, entry.target) for entry in system.entries] == [
        ("/usr/share/web/a", Kind.FILE, 0o644, None),
        ("/usr/share/web/b", Kind.FILE, 0o644, None),
        ("/usr/share/web/c", Kind.SYMLINK, 0o777, "b"),
        ("/usr/share/web/d/x", Kind.FILE, 0o755, None),
    ]
    assert [tree.shown for tree in trees_of(system)] == [ShownFiles(("a", "b", "c", "d/x"), top="/usr/share/web")]


def test_each_item_of_a_tree_leaves_out_its_own_files(tmp_path: Path) -> None:
    ours: Source = {"big/x": "\0" * LEAST_SIZE, "big/y": "", "small": "", "other": ""}
    theirs = package(tmp_path, "server", {"share/web/big/x": "", "share/web/small": ""})
    system = placed(tmp_path, {"/usr/share/web": {"source": "html"}}, {"html": ours}, [theirs])
    assert {tree.path.name: tree.shown.left_out for tree in trees_of(system) if tree.shown is not None} == {
        "tree-usr-share-web": ("small",),
        "tree-usr-share-web+big": ("big/x",),
    }
    assert [entry.path for entry in system.entries] == ["/usr/share/web/big/x", "/usr/share/web/small"]


def test_a_copy_that_replaces_a_package_s_file_is_over_the_layers_of_items(tmp_path: Path) -> None:
    system = replaced(tmp_path, {"share/web/index.html": "theirs"}, owner="web", mode="0600")
    (tree,) = trees_of(system)
    assert {entry.path: (entry.mode, entry.uid, entry.gid, entry.item) for entry in system.entries} == {
        "/usr/share/web": (0o700, 7, 0, None),
        "/usr/share/web/icons": (0o700, 7, 0, None),
        "/usr/share/web/icons/logo": (0o600, 7, 0, tree.path),
        "/usr/share/web/index.html": (0o600, 7, 0, None),
    }
    assert tree.shown is None


@pytest.mark.parametrize(
    ("said", "modes", "owners"),
    [
        ({"owner": "web"}, (0o755, 0o755, 0o644), (7, 0)),
        ({"group": "web"}, (0o755, 0o755, 0o644), (0, 8)),
        ({"mode": "0644"}, (0o755, 0o755, 0o644), (0, 0)),
        ({"mode": "0640", "owner": "web", "group": "web"}, (0o750, 0o750, 0o640), (7, 8)),
        ({"mode": "0604"}, (0o705, 0o705, 0o604), (0, 0)),
        ({"mode": "0"}, (0, 0, 0), (0, 0)),
    ],
)
def test_copies_have_the_owner_and_the_mode_with_a_bit_to_enter_for_each_to_read(
    tmp_path: Path, said: dict[str, str], modes: tuple[int, int, int], owners: tuple[int, int]
) -> None:
    ours: Source = {"d/run": b"x", "d/text": "y", "link": "-> d/run"}
    system = placed(tmp_path, {"/srv/shop": {"source": "html", **said}}, {"html": ours})
    (tree,) = trees_of(system)
    found = {entry.path.removeprefix("/srv/shop"): entry for entry in system.entries}
    assert list(found) == ["", "/d", "/d/run", "/d/text", "/link"]
    assert [found[path].mode for path in ("/d", "/d/run", "/d/text")] == list(modes)
    assert {(entry.uid, entry.gid) for entry in system.entries} == {owners}
    assert found["/link"].target == "d/run"
    assert [found[path].item for path in ("/link", "/d/run")] == [tree.path] * 2
    assert [found[path].item for path in ("", "/d")] == [None] * 2
    assert found["/d/run"].known_digest == Digest.of(b"x")


def test_copies_of_a_tree_that_is_several_items_have_its_top_once(tmp_path: Path) -> None:
    ours: Source = {"a/x": "\0" * LEAST_SIZE, "c": ""}
    system = placed(tmp_path, {"/srv/shop": {"source": "html", "mode": "0644"}}, {"html": ours})
    assert [entry.path for entry in system.entries] == [f"/srv/shop{path}" for path in ("", "/a", "/a/x", "/c")]
    assert len(trees_of(system)) == 2


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ({"owner": "ann"}, ["/owner: there is no user 'ann'"]),
        ({"group": "ann"}, ["/group: there is no group 'ann'"]),
        ({"owner": "ann", "group": "ann"}, ["/owner: there is no user 'ann'", "/group: there is no group 'ann'"]),
    ],
)
def test_owners_that_no_account_has_are_reported(tmp_path: Path, said: dict[str, str], missing: list[str]) -> None:
    """The spec declares them, and the system does not have them."""
    trees = {"/srv/shop": {"source": "html", **said}}
    with pytest.raises(SpecError) as caught:
        placed(tmp_path, trees, {"html": PAGE}, users={"ann": {}})
    found = [f"{issue.where}: {issue.message}" for issue in caught.value.issues]
    assert found == [f"/trees/~1srv~1shop{one}" for one in missing]


def test_what_the_spec_declares_counts_before_a_tree_and_a_tree_before_what_the_system_makes(tmp_path: Path) -> None:
    owners = {"a": "/files/~1srv~1a", "b": "/symlinks/~1srv~1b", "c": "nginx-1", "d": "sysimage"}
    entries = [Entry.file(f"/srv/{name}", b"theirs", owner=owner) for name, owner in reversed(owners.items())]
    entries += [Entry.directory("/srv/e", 0o700, owner="/directories/~1srv~1e"), Entry.file("/etc/x", b"")]
    ours: Source = {"a": "", "b": "", "c": "", "e/x": "", "f": ""}
    shown = placed(tmp_path, {"/srv": {"source": "html"}}, {"html": ours}, (), entries)
    kept = ["/etc/x", "/srv/a", "/srv/b", "/srv/d", "/srv/e"]
    assert [entry.path for entry in shown.entries] == kept
    copied = placed(tmp_path / "other", {"/srv": {"source": "html", "owner": "web"}}, {"html": ours}, (), entries)
    by_path = {entry.path: entry for entry in copied.entries}
    assert list(by_path) == sorted([*kept, "/srv", "/srv/c", "/srv/e/x", "/srv/f"])
    assert [path for path, entry in by_path.items() if entry.uid == 7] == ["/srv", "/srv/c", "/srv/e/x", "/srv/f"]


WEB = {"/usr/share/web": {"source": "html"}}
SRV = {"/srv/web": {"source": "html"}}
WHERE, THERE = "/trees/~1usr~1share~1web", "/trees/~1srv~1web"


@pytest.mark.parametrize(
    ("files", "shown", "expected"),
    [
        ({"share/web/index.html/x": ""}, IN_USR, ["a file at /usr/share/web/index.html, where server-1 has one"]),
        ({"share/web/icons": ""}, IN_USR, ["a directory at /usr/share/web/icons, where server-1 has one"]),
        ({"share/web/icons": "-> ."}, IN_USR, ["a directory at /usr/share/web/icons, where server-1 has one"]),
        ({"share/web/link": None}, IN_USR, ["a link at /usr/share/web/link, where server-1 has one"]),
        (
            {"index.html": ""},
            ShownFiles(top="/usr/share/web"),
            ["a file at /usr/share/web/index.html, where server-1 has one"],
        ),
        (
            {"web/link": "", "web/icons": ""},
            ShownFiles(top="/usr/share"),
            [
                "a directory at /usr/share/web/icons, where server-1 has one",
                "a link at /usr/share/web/link, where server-1 has one",
            ],
        ),
    ],
)
def test_what_a_package_has_at_a_path_and_a_tree_cannot_replace_is_refused(
    files: Source, shown: ShownFiles, expected: list[str], tmp_path: Path
) -> None:
    """A directory in the place of a file or the other way round, and files that are shown outside of ``/usr``."""
    found = faults(tmp_path, WEB, {"html": {**PAGE, "link": "-> icons"}}, [package(tmp_path, "server", files, shown)])
    assert found == [f"{WHERE}: has {one}" for one in expected]


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        (Entry.directory("/srv/web/index.html", owner="a"), "has a file at /srv/web/index.html, a a directory"),
        (Entry.file("/srv/web/icons", b"", owner="a"), "has a directory at /srv/web/icons, a a file"),
        (Entry.symlink("/srv/web/icons", "x", owner="a"), "has a directory at /srv/web/icons, a a link"),
        (Entry.file("/srv/web", b"", owner="a"), "has a directory at /srv/web, a a file"),
        (Entry.file("/srv", b"", owner="a"), "is below /srv, which is a file of a"),
        (
            Entry.file("/srv/web/index.html/x/y", b"", owner="a"),
            "has a file at /srv/web/index.html, and a has something below",
        ),
    ],
)
def test_what_the_system_has_in_the_way_of_a_tree_is_refused(entry: Entry, fault: str, tmp_path: Path) -> None:
    assert faults(tmp_path, SRV, {"html": PAGE}, (), [entry]) == [f"{THERE}: {fault}"]
    beside = [Entry.directory("/srv"), Entry.directory("/srv/web/icons"), Entry.file("/srv/web/icons/x", b"")]
    assert placed(tmp_path / "sound", SRV, {"html": PAGE}, (), beside).entries == tuple(
        sorted(beside, key=lambda one: one.path)
    )


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ({"other": ""}, []),
        ({"logo/x": ""}, ["has a directory at /srv/web/icons/logo, /trees/~1srv~1web a file"]),
        ({"logo": "-> x", "x": ""}, ["has a file at /srv/web/icons/logo, and so has /trees/~1srv~1web"]),
    ],
)
def test_of_two_trees_each_has_its_own_paths(below: Source, expected: list[str], tmp_path: Path) -> None:
    trees = {"/srv/web/icons": {"source": "below"}, **SRV}
    sources: Mapping[str, Source] = {"html": PAGE, "below": below}
    if expected:
        assert faults(tmp_path, trees, sources) == [f"/trees/~1srv~1web~1icons: {one}" for one in expected]
    else:
        assert len(trees_of(placed(tmp_path, trees, sources))) == 2


def test_a_tree_below_a_file_of_another_one_is_refused(tmp_path: Path) -> None:
    trees = {"/srv/web/index.html/below": {"source": "below"}, **SRV}
    assert faults(tmp_path, trees, {"html": PAGE, "below": {"x": ""}}) == [
        "/trees/~1srv~1web~1index.html~1below: is below /srv/web/index.html, which is a file of /trees/~1srv~1web"
    ]


def test_files_at_the_places_of_the_system_are_refused(tmp_path: Path) -> None:
    etc = {"passwd": "", "motd": "", "nginx/x": ""}
    trees = {"/etc": {"source": "etc"}, "/var": {"source": "var"}}
    assert faults(tmp_path, trees, {"etc": etc, "var": {"run/x": "", "lib/x": "", "tmp": ""}}) == [
        '/trees/~1etc: /etc/passwd is made from what "users" says',
        "/trees/~1var: /var/run is /run by a link of the system's",
        "/trees/~1var: /var/run/x is /run/x by a link of the system's",
        "/trees/~1var: /var/tmp is the system's own: every program's temporary files are in it",
    ]


def test_every_fault_of_every_tree_is_reported_at_once(tmp_path: Path) -> None:
    places = {"/d": "web", "/c": "damaged.tar", "/b": "none", "/a": "keys"}
    trees = {path: {"source": source} for path, source in places.items()}
    sources: Mapping[str, Source] = {"keys": {"id_rsa": "", "x.pem": ""}, "web": {"x": ""}}
    tmp_path.joinpath("damaged.tar").touch()
    found = faults(tmp_path, trees, sources, (), [Entry.file("/d", b"", owner="a")])
    assert [one.replace(f"{tmp_path}/", "").partition(";")[0] for one in found] == [
        "keys/id_rsa: its name says that it holds a key of SSH",
        "keys/x.pem: its name says that it holds keys or certificates",
        "/trees/~1b: cannot read the tree none: No such file or directory: none",
        "/trees/~1c: cannot read the tree damaged.tar: it is not an archive that can be read: empty file",
        "/trees/~1d: has a directory at /d, a a file",
    ]

"""What packages make of /usr together: which has a path, which wins it, and what is where the spec wants something."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import IntegrityError
from sysimage.rootfs.tree import Entry, Kind
from sysimage_bootstrap.debs.inventory import Attributes
from sysimage_bootstrap.scripts.declarations import Diversion
from sysimage_bootstrap.system.merged_root import merged_tree
from sysimage_bootstrap.system.usr import Usr, base_entries, settled
from tests.bootstrap.system.packages import installed

NO_STORE: Any = None


def usr_of(top: Path, **packages: Mapping[str, str]) -> Usr:
    return Usr.of([installed(top, name, files) for name, files in packages.items()])


def test_every_path_is_known_with_the_packages_that_have_it(tmp_path: Path) -> None:
    a: dict[str, str] = {"bin/x": "#!", "share/a/": "", "etc/x": "x", "lib/y": "-> ../share/a", "var/x": "x"}
    usr = usr_of(tmp_path, a=a, b={"bin/x": "#!", "share/a/b": "x"})
    assert {path: [one.name for one in holders] for path, holders in usr.holders.items()} == {
        "bin/x": ["a", "b"],
        "lib/y": ["a"],
        "share/a/b": ["b"],
    }
    assert usr.directories.keys() == {"", "bin", "lib", "share", "share/a"}
    assert (usr.directories["share"], usr.directories["share/a"]) == ("share/a", "share/a/b")
    assert [usr.has(path) for path in ("bin/x", "share/a", "", "none", "etc/x")] == [True, True, True, False, False]


def test_links_are_where_debian_has_merged_directories_into_usr(tmp_path: Path) -> None:
    usr = usr_of(tmp_path, a={"bin/x": "#!", "lib64/x": "x"})
    found = [(entry.path, entry.target) for entry in base_entries(usr)]
    assert found == [
        ("/usr", None),
        ("/bin", "usr/bin"),
        ("/lib64", "usr/lib64"),
        *((f"/usr/local{name}", None) for name in ("", "/bin", "/etc", "/games", "/include", "/lib", "/man")),
        *((f"/usr/local/{name}", None) for name in ("sbin", "share", "src")),
    ]


def test_what_is_near_a_path_is_shown_with_its_kind_and_something_in_it(tmp_path: Path) -> None:
    usr = usr_of(tmp_path, a={"bin/x": "#!", "bin/l": "-> x", "share/e/": "", "lib/d/d/f": "x"})

    def near(*paths: str) -> list[tuple[str, Kind, str | None]]:
        return [(one.path, one.kind, one.target) for one in usr.near([Entry.directory(path) for path in paths])]

    top = ("/usr", Kind.DIRECTORY, None)
    first = next((one.path, one.kind, one.target) for one in usr.near([Entry.directory("/usr")]) if one.path != "/usr")
    assert near("/usr/bin/x") == [top, first, *near("/usr/bin")[2:], ("/usr/bin/x", Kind.FILE, None)]
    assert near("/usr/bin/l")[-1] == ("/usr/bin/l", Kind.SYMLINK, "x")
    assert near("/usr/share/e")[-1] == ("/usr/share/e", Kind.DIRECTORY, None), "there is nothing in it"
    assert near("/usr/lib/d")[-2:] == [("/usr/lib/d", Kind.DIRECTORY, None), ("/usr/lib/d/d", Kind.DIRECTORY, None)]
    assert near("/etc/x", "/bin/x") == []
    assert near("/usr/none/x") == [top, first]


def settle(usr: Usr, chosen: Mapping[str, str] | None = None, *more: Diversion, elsewhere: str = "") -> list[str]:
    found = settled(usr, {elsewhere}, chosen or {}, more)
    return [f"{one.path} {one.target or one.read().decode()}" for one in found]


@pytest.mark.parametrize("name", ["x", "bin/x", "/bin/x", "/usr/bin/x"])
def test_the_one_that_the_spec_names_wins(tmp_path: Path, name: str) -> None:
    usr = usr_of(tmp_path, a={"bin/x": "#!a"}, b={"bin/x": "#!b"}, c={"bin/x": "-> y"})
    assert settle(usr, {name: "b"}) == ["/usr/bin/x #!b"]
    assert settle(usr, {name: "c"}) == ["/usr/bin/x y"]
    assert settle(usr, {name: "a"}) == ["/usr/bin/x #!a"]
    assert settle(usr, {name: "b"}, elsewhere="/usr/bin/x") == [], "what lies over all of them settles it"


def test_every_conflict_is_named_with_both_sides_and_what_to_say(tmp_path: Path) -> None:
    usr = usr_of(tmp_path, a={"bin/y": "#!a", "bin/x": "#!a"}, b={"bin/x": "#!b", "bin/y": "#!b"}, c={"bin/y": "#!a"})
    with pytest.raises(IntegrityError) as caught:
        settle(usr, {"x": "none"})
    place = "/gnu/store/00000000000000000000000000000000"
    assert [str(issue) for issue in caught.value.issues] == [
        f"/usr/bin/x: {place}-a-1 and {place}-b-1 have different things here",
        f"/usr/bin/y: {place}-a-1 and {place}-b-1 have different things here",
    ]
    assert caught.value.hint == (
        'leave one of them out with exclude, or say which counts: "alternatives": {"/usr/bin/x": "a"}'
    )
    assert settle(usr, {"x": "b", "y": "a"}) == ["/usr/bin/x #!b", "/usr/bin/y #!a"]


def test_a_directory_of_one_package_is_not_a_file_of_another(tmp_path: Path) -> None:
    usr = usr_of(tmp_path, a={"share/x/y": "x"}, b={"share/x": "x"})
    with pytest.raises(IntegrityError) as caught:
        settle(usr)
    assert [str(issue) for issue in caught.value.issues] == [
        f"/usr/share/x: is a directory of one package, and not of /gnu/store/{'0' * 32}-b-1"
    ]
    assert caught.value.hint == "leave one of them out with exclude"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("#!a", "#!a", True),
        ("-> y", "-> y", True),
        ("-> y", "-> z", False),
        ("-> y", "#!a", False),
        ("#!a", "-> y", False),
        ("#!a", "#!b", False),
        ("#!aa", "#!a", False),
    ],
)
def test_the_same_thing_in_two_packages_is_not_a_conflict(tmp_path: Path, one: str, other: str, alike: bool) -> None:
    usr = usr_of(tmp_path, a={"bin/x": one}, b={"bin/x": other})
    if alike:
        assert settle(usr) == []
    else:
        with pytest.raises(IntegrityError):
            settle(usr)


@pytest.mark.parametrize(
    "said",
    [
        Attributes(0o4755, "root", "root", directory=False),
        Attributes(0o755, "root", "shadow", directory=False),
        Attributes(0o755, "www-data", "root", directory=False),
    ],
)
def test_files_with_other_modes_or_owners_are_different(tmp_path: Path, said: Attributes) -> None:
    one = installed(tmp_path, "a", {"bin/x": "#!a"})
    other = installed(tmp_path, "b", {"bin/x": "#!a"}, attributes={"bin/x": said})
    with pytest.raises(IntegrityError):
        settle(Usr.of([one, other]))


def test_what_diverts_wins_and_what_it_diverts_is_at_its_other_place(tmp_path: Path) -> None:
    usr = usr_of(tmp_path, a={"bin/x": "#!a", "bin/z": "#!a"}, b={"bin/x": "#!b", "bin/z": "#!b", "bin/y": "#!"})
    away = Diversion("b", "/usr/bin/x", "/usr/bin/x.old")
    taken = Diversion("b", "/usr/bin/z", "/usr/bin/y")
    absent = Diversion("b", "/usr/bin/absent", "/usr/bin/absent.old")
    assert settle(usr, None, away, taken, absent) == [
        "/usr/bin/x.old #!a",
        "/usr/bin/x #!b",
        "/usr/bin/z #!b",
    ]
    assert settle(usr, {"z": "a"}, away, elsewhere="/usr/bin/x.old") == ["/usr/bin/x #!b", "/usr/bin/z #!a"]
    other = Diversion("b", "/usr/bin/z", "/usr/bin/a.old")
    assert settle(usr, None, away, other)[:2] == ["/usr/bin/a.old #!a", "/usr/bin/x.old #!a"]


def test_a_package_wins_that_replaces_all_others(tmp_path: Path) -> None:
    a, b = installed(tmp_path, "a", {"bin/x": "#!a"}), installed(tmp_path, "b", {"bin/x": "#!b"}, replaces="a")
    assert settle(Usr.of([a, b])) == ["/usr/bin/x #!b"]
    c = installed(tmp_path, "c", {"bin/x": "#!c"})
    with pytest.raises(IntegrityError):
        settle(Usr.of([a, b, c]))


def test_the_tree_for_triggers_has_what_is_over_the_packages_first(tmp_path: Path) -> None:
    a = installed(tmp_path, "a", {"bin/x": "#!a", "etc/c": "a", "etc/l": "-> c", "var/d/": "", "var/v": "v"})
    b = installed(tmp_path, "b", {"etc/c": "b", "share/s": "s", "opt/o": "o"})
    over = [Entry.file("/etc/c", b"over"), Entry.symlink("/usr/bin/y", "x"), Entry.directory("/etc/d")]
    store: Any = type("Store", (), {"store_dir": "/gnu/store", "root": str(tmp_path)})()
    plain, covered = (merged_tree(Usr.of([a, b]), [a, b], more, store) for more in ([], over))
    assert sorted(plain.paths) == ["/etc/c", "/etc/l", "/usr/bin/x", "/usr/share/s", "/var/v"]
    assert sorted(covered.paths) == ["/etc/c", "/etc/l", "/usr/bin/x", "/usr/bin/y", "/usr/share/s", "/var/v"]
    assert [plain.read(path) for path in ("/etc/c", "/etc/l", "/bin/x", "/usr/share/s", "/var/v")] == [
        *(b"a", b"a", b"#!a", b"s", b"v"),
    ]
    assert [covered.read(path) for path in ("/etc/c", "/etc/l", "/usr/bin/y")] == [b"over", b"over", b"#!a"]
    assert [plain.read(path) for path in ("/opt/o", "/usr/none", "/share/s", "/usr/bin")] == [None] * 4
    assert (covered.is_link("/usr/bin/y"), covered.is_link("/etc/l"), covered.is_link("/etc/c")) == (True, True, False)

"""A pack's accounts, program, environment, links, homes and contents, as the spec says them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.from_store.contents import Content, union
from sysimage.from_store.item_files import ItemFiles
from sysimage.from_store.pack import (
    content_entries,
    decided_paths,
    pack_accounts,
    pack_defaults,
    pack_entries,
    real_directories,
)
from sysimage.rootfs.accounts import Accounts, Group, User
from sysimage.rootfs.declared_entries import declared_entries
from sysimage.rootfs.system import ImageDefaults
from sysimage.rootfs.tree import Entry
from sysimage.spec import SystemSpec, parse_spec
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage.store.paths import StorePath
from tests.support.store_builder import ELF, Link, Program, StoreBuilder

ITEM = {"bin": {"run": Program(ELF), "text": "no program"}, "share": {"x": "x"}}


def spec_of(source: dict[str, Any] | None = None, /, **said: Any) -> SystemSpec:
    return parse_spec(json.dumps({"name": "pack", "from-store": {"paths": ["x"], **(source or {})}, **said}))


def store(top: Path, **items: Any) -> tuple[list[StorePath], ItemFiles]:
    made = StoreBuilder(top)
    paths = [made.add(name, content).path for name, content in items.items()]
    return paths, ItemFiles(made.items.values())


def test_a_pack_has_the_accounts_of_every_image_or_those_below_and_what_it_declares() -> None:
    spec = spec_of(users={"ann": {"uid": 1000}})
    accounts = pack_accounts(spec, None)
    assert {name: accounts.uid(name) for name in (*BASE_USERS, "ann")} == {**BASE_USERS, "ann": 1000}
    assert {name: accounts.gid(name) for name in BASE_GROUPS} == dict(BASE_GROUPS)
    root, nobody = accounts.user("root"), accounts.user("nobody")
    assert root is not None
    assert nobody is not None
    assert (root.gid, root.home, root.shell) == (0, "/root", "/bin/sh")
    assert (nobody.gid, nobody.home, nobody.shell) == (65534, "/nonexistent", "/usr/sbin/nologin")
    base = Accounts.of([User("bob", 7, 8)], [Group("bobs", 8)])
    below = pack_accounts(spec, base)
    assert (below.uid("bob"), below.uid("ann"), below.uid("nobody")) == (7, 1000, None)


@pytest.mark.parametrize(
    ("entry_point", "command", "started"),
    [
        (["bin/run", "bin/x"], ["bin/run"], (["{item}/bin/run", "bin/x"], ["bin/run"])),
        ([], ["bin/run", "a"], ([], ["{item}/bin/run", "a"])),
        (["/bin/none", "x"], [], (["/bin/none", "x"], [])),
        ([], ["none"], ([], ["none"])),
        ([], [], ([], [])),
    ],
)
def test_a_program_with_a_slash_is_one_of_the_first_item(
    tmp_path: Path, entry_point: list[str], command: list[str], started: tuple[list[str], list[str]]
) -> None:
    (item, other), files = store(tmp_path, one=ITEM, two={"bin": {}})
    spec = spec_of(
        **{"entry-point": entry_point, "command": command, "stop-signal": "SIGINT"}, environment={"B": "2", "A": "1"}
    )
    defaults = pack_defaults(spec, [item, other], files, {"PATH": "/bin", "C": "3"})
    filled = [tuple(word.replace("{item}", str(item)) for word in words) for words in started]
    environment = {"PATH": f"{item}/bin:{other}/bin:/bin", "A": "1", "B": "2"}
    assert defaults == ImageDefaults(filled[0], filled[1], "SIGINT", environment)
    assert list(defaults.environment) == ["PATH", "A", "B"]


@pytest.mark.parametrize(("key", "word"), [("entry-point", "bin/text"), ("command", "bin/none")])
def test_a_program_that_the_item_lacks_is_refused(tmp_path: Path, key: str, word: str) -> None:
    (item,), files = store(tmp_path, one=ITEM)
    with pytest.raises(SpecError) as caught:
        pack_defaults(spec_of(**{key: [word]}), [item], files, {})
    assert str(caught.value) == f"cannot run {item}/{word}: there is no such program\n  /{key}/0: see above"


def test_directories_are_real_where_something_else_is_in_them(tmp_path: Path) -> None:
    spec = spec_of(
        {"links": {"/opt/app/here": "."}},
        files={"/srv/web/page": {"text": ""}},
        directories={"/data": {}},
        symlinks={"/lib/link": "x"},
        users={"ann": {"uid": 1000, "home": "/people/ann"}, "bob": {"uid": 1001, "home": None}},
    )
    declared = declared_entries(spec, tmp_path, pack_accounts(spec, None))
    is_real = real_directories(spec, declared, lambda path: path == "/below")
    asked = {
        **dict.fromkeys(("/", "/srv", "/srv/web", "/data", "/lib", "/opt", "/opt/app", "/people", "/below"), True),
        **dict.fromkeys(("/people/ann", "/etc", "/gnu/store", "/tmp"), True),
        **dict.fromkeys(("/srv/web/page", "/lib/link", "/opt/app/here", "/bin", "/srv/other"), False),
    }
    assert {path: is_real(path) for path in asked} == asked
    is_decided = decided_paths(spec, declared)
    asked = {
        **dict.fromkeys(("/srv/web/page", "/lib/link", "/opt/app/here"), True),
        **dict.fromkeys(("/data", "/srv/web", "/bin", "/"), False),
    }
    assert {path: is_decided(path) for path in asked} == asked


def test_contents_name_accounts_that_there_are(tmp_path: Path) -> None:
    paths, files = store(tmp_path, one=ITEM, two={"bin": "a file"}, three="a file")
    contents = [{"path": "x", "copy": True, "owner": "ann", "group": "anns"}, "y", "z"]
    spec = parse_spec(json.dumps({"name": "pack", "from-store": {"contents": contents}}))
    assert spec.from_store is not None
    found = spec.from_store.contents or ()
    tops = [str(path) for path in paths]
    accounts = pack_accounts(spec, None)
    with pytest.raises(SpecError) as caught:
        content_entries(found, tops, files, accounts, lambda path: False, lambda path: False)
    assert caught.value.message == "cannot put the contents at the root of the image"
    assert [str(issue) for issue in caught.value.issues] == [
        "/from-store/contents/0/owner: there is no user 'ann'",
        "/from-store/contents/0/group: there is no group 'anns'",
        f"/from-store/contents/2: {paths[2]} is not a directory",
    ]
    assert caught.value.hint == "leave one of the items out, or say in symlinks or files what is there"
    declared = pack_accounts(
        spec_of(users={"ann": {"uid": 1007, "group": "anns"}}, groups={"anns": {"gid": 1008}}), None
    )
    entries = content_entries(found[:1], tops[:1], files, declared, lambda path: path == "/share", lambda path: False)
    where = "/from-store/contents/0"
    (one,) = [item for item in (files.find(tops[0]),) if item is not None]
    assert entries == [
        Entry.directory("/bin", 0o755, 1007, 1008, where),
        Entry.file("/bin/run", one / "bin/run", 0o755, 1007, 1008, where),
        Entry.file("/bin/text", one / "bin/text", 0o644, 1007, 1008, where),
        Entry.file("/share/x", one / "share/x", 0o644, 1007, 1008, where),
    ]


def test_links_of_what_is_copied_stay_where_they_lead_to_what_is_copied(tmp_path: Path) -> None:
    paths, files = store(
        tmp_path,
        one={"out": "o"},
        two={
            "a": {"up": Link("../b/x"), "out": Link("{one}/out"), "gone": Link("/nowhere"), "over": Link("../../x")},
            "b": {"x": "x", "self": Link("{two}/b/x"), "top": Link("../../two-more")},
            "c": Link("."),
        },
    )
    top = str(paths[1])
    entries, issues = union([Content(top, "/w", copy=True, uid=1, gid=2, mode=0o600)], files, lambda path: False)
    place, out = files.find(top), files.find(f"{paths[0]}/out")
    assert place is not None
    assert out is not None
    assert issues == []
    assert entries == [
        Entry.directory("/a", 0o755, 1, 2, "/w"),
        Entry.symlink("/a/gone", "/nowhere", 1, 2, "/w"),
        Entry.file("/a/out", out, 0o600, 1, 2, "/w"),
        Entry.symlink("/a/over", "../../x", 1, 2, "/w"),
        Entry.symlink("/a/up", "../b/x", 1, 2, "/w"),
        Entry.directory("/b", 0o755, 1, 2, "/w"),
        Entry.file("/b/self", place / "b/x", 0o600, 1, 2, "/w"),
        Entry.symlink("/b/top", "../../two-more", 1, 2, "/w"),
        Entry.file("/b/x", place / "b/x", 0o600, 1, 2, "/w"),
        Entry.symlink("/c", ".", 1, 2, "/w"),
    ]


def test_a_directory_belongs_to_the_first_content_that_is_copied(tmp_path: Path) -> None:
    (one, two, three), files = store(tmp_path, one={"d": {"a": ""}}, two={"d": {"b": ""}}, three={"d": {"a": ""}})
    contents = [Content(str(one), "/0"), Content(str(two), "/1", copy=True, uid=7), Content(str(one), "/2", copy=True)]
    entries, issues = union(contents, files, lambda path: False)
    assert issues == []
    assert entries[:2] == [Entry.directory("/d", 0o755, 7, 0, "/1"), Entry.symlink("/d/a", f"{one}/d/a", owner="/0")]
    assert [entry.path for entry in entries] == ["/d", "/d/a", "/d/b"]
    again = [Content(str(path), f"/{number}") for number, path in enumerate((three, one, one))]
    assert [str(issue) for issue in union(again, files, lambda path: False)[1]] == [
        "/0: /d/a is in /1, /2 too, and is not the same there"
    ]
    assert union(again, files, lambda path: False, lambda path: path == "/d/a") == (
        [Entry.directory("/d", 0o755, 0, 0, "/0")],
        [],
    )
    assert union([], files, lambda path: False) == ([], [])


def test_a_pack_has_links_homes_and_the_generation_of_a_profile(tmp_path: Path) -> None:
    (item, plain), files = store(tmp_path, one={**ITEM, "manifest": ""}, two=ITEM)
    said: dict[str, Any] = {"links": {"/b": "bin", "/a": "."}}
    spec = spec_of(said, users={"ann": {"uid": 1000}}, store={"uid": 5, "gid": 6})
    assert spec.from_store is not None
    accounts = pack_accounts(spec, None)
    links = [Entry.symlink("/a", str(item), owner="/from-store/links")]
    links += [Entry.symlink("/b", f"{item}/bin", owner="/from-store/links")]
    ann = accounts.user("ann")
    assert ann is not None
    homes = [Entry.directory(ann.home, 0o700, 1000, ann.gid, "/users/ann")]
    own = "/var/guix/profiles/per-user/root/guix-profile"
    generation = [Entry.symlink(own, "guix-profile-1-link", 5, 6), Entry.symlink(f"{own}-1-link", str(item), 5, 6)]
    assert list(pack_entries(spec, spec.from_store, item, files, accounts)) == [*links, *homes, *generation]
    without = spec_of({"links": {}}, store={"database": False})
    nix = spec_of({"links": {}}, store={"kind": "nix"})
    for other, root in ((without, item), (nix, item), (spec_of({"links": {}}), plain)):
        assert other.from_store is not None
        assert list(pack_entries(other, other.from_store, root, files, pack_accounts(other, None))) == []


def test_every_link_to_what_is_not_in_the_item_is_named(tmp_path: Path) -> None:
    (item,), files = store(tmp_path, one=ITEM)
    spec = spec_of({"links": {"/x": "nowhere", "/bin": "bin", "/a": "none"}})
    assert spec.from_store is not None
    with pytest.raises(SpecError) as caught:
        list(pack_entries(spec, spec.from_store, item, files, pack_accounts(spec, None)))
    assert str(caught.value) == (
        "cannot make the links that the spec asks for\n"
        f"  /from-store/links/~1a: {item}/none is not there\n"
        f"  /from-store/links/~1x: {item}/nowhere is not there"
    )

"""Accounts: those that packages declare, that their scripts make, that units run as, and whose IDs a lock keeps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import IntegrityError, SpecError
from sysimage.rootfs.accounts import WantedGroup, WantedUser, parse_accounts
from sysimage.spec.account_ids import AccountIds
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.system_accounts import chosen_ids, known_accounts, system_accounts
from sysimage_bootstrap.system.sysusers import SysusersError, parse_sysusers
from tests.bootstrap.system.packages import GROUP, PASSWD, installed

MASTER = {"share/base-passwd/passwd.master": PASSWD, "share/base-passwd/group.master": GROUP}
SHELLS = {"bin/bash": "#!", "bin/sh": "#!"}


def spec_of(**parts: Any) -> SystemSpec:
    return SystemSpec.model_validate({"name": "x", "packages": [], **parts})


def base(top: Path, shells: Mapping[str, str] = SHELLS) -> Installed:
    return installed(top, "base-passwd", {**MASTER, **shells})


def sysusers(top: Path, name: str, text: str, **scripts: str) -> Installed:
    return installed(top, name, {f"lib/sysusers.d/{name}.conf": text}, maintainer_files=scripts)


def test_lines_of_sysusers_are_wanted_users_and_groups() -> None:
    text = """u app 901 'An app' /var/lib/app /bin/sh
u! plain -
u path /usr/bin/x - -
u two 902:shadow
u three -:7
g seven 7
g free
m app extra
m app also
m app video
m app audio
m app games
m nobody-here other
r - 500-900
"""
    users, groups = parse_sysusers([("file", text)])
    assert users == [
        WantedUser(
            "app", 901, None, ("also", "audio", "extra", "games", "video"),
            "An app", "/var/lib/app", "/bin/sh", "!*", system=True,
            make_home=False, origin="file",
        ),
        *(
            WantedUser(
                name, uid, group, (), None, "/", None, "!*", system=True, make_home=False, origin="file"
            )
            for name, uid, group in (("plain", None, None), ("path", None, None), ("two", 902, "shadow"),
                                     ("three", None, "seven"))
        ),
    ]  # fmt: skip
    assert groups == [
        WantedGroup(name, gid, system=True, origin="file")
        for name, gid in (
            ("app", 901),
            ("seven", 7),
            ("free", None),
            ("extra", None),
            ("also", None),
            ("video", None),
            ("audio", None),
            ("games", None),
            ("other", None),
        )
    ]


def test_every_line_of_sysusers_that_says_nothing_is_named_with_its_number() -> None:
    text = "# fine\n\nx what -\nu Bad! -\nu n 1:4321\nm app Bad!\ng a x\nu open 'quote\n"
    with pytest.raises(SysusersError) as caught:
        parse_sysusers([("file", text)])
    assert str(caught.value).startswith("cannot read the accounts that packages declare")
    assert [(issue.line, issue.message) for issue in caught.value.issues] == [
        (3, "not a kind of line: 'x': x what -"),
        (4, "not an account name: u Bad! -"),
        (6, "not a group: m app Bad!"),
        (7, "invalid literal for int() with base 10: 'x': g a x"),
        (8, "No closing quotation: u open 'quote"),
        (5, "no group has the number 4321: u n 1:4321"),
    ]


def test_names_of_accounts_have_at_most_31_letters() -> None:
    longest = f"u {'a' * 31} -"
    assert parse_sysusers([("file", longest)])[0][0].name == "a" * 31
    with pytest.raises(SysusersError, match="not an account name"):
        parse_sysusers([("file", f"{longest[:3]}{longest[2:]}")])


@pytest.mark.parametrize(
    ("shells", "root"),
    [
        ({"bin/bash": "#!", "bin/sh": "#!"}, "/bin/bash"),
        ({"bin/sh": "#!"}, "/bin/sh"),
        ({}, "/usr/sbin/nologin"),
    ],
)
def test_base_accounts_have_a_shell_that_is_there(tmp_path: Path, shells: Mapping[str, str], root: str) -> None:
    known = known_accounts([base(tmp_path, shells)])
    assert {user.name: user.shell for user in known.base.users} == {
        "root": root,
        "www-data": "/usr/sbin/nologin",
        "nobody": "/usr/sbin/nologin",
    }


def test_base_accounts_that_are_absent_or_odd_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        known_accounts([])
    assert str(caught.value) == "cannot make the accounts: the system has no base-passwd"
    assert caught.value.hint == "do not exclude base-passwd"
    odd = installed(tmp_path, "odd", {**MASTER, "share/base-passwd/passwd.master": "root:x\n"})
    with pytest.raises(IntegrityError, match=r"^cannot read the base accounts of /gnu/store/.*-odd-1: "):
        known_accounts([odd])


def test_scripts_find_the_accounts_that_are_declared_except_for_those_that_they_make(tmp_path: Path) -> None:
    packages = [
        base(tmp_path),
        sysusers(
            tmp_path, "a", "u a-user - - /a\ng a-group\nu www-data 33 - /x\ng shadow 99\n", postinst="adduser other"
        ),
        sysusers(tmp_path, "b", "u b-user - - /b\ng b-group\n", postinst="# adduser b-user"),
        sysusers(tmp_path, "c", "u c-user - - /c\n", postinst="adduser c-user\nsystemd-sysusers c.conf"),
        sysusers(tmp_path, "d", "u d-user - - /d\n", postinst="x=1; useradd d-user", postrm=""),
        installed(tmp_path, "e", {"lib/sysusers.d/note.txt": "u no -\n"}),
    ]
    known = known_accounts(packages)
    assert [user.name for user in known.users] == ["a-user", "b-user", "c-user", "d-user"]
    assert [group.name for group in known.groups] == ["a-group", "b-group"]
    assert known.not_yet == {"a-user", "a-group", "d-user"}
    spec = spec_of(users={"ann": {}, "b-user": {}, "bob": {"home": "/bob"}}, groups={"team": {}})
    assert known.homes(spec) == {
        "root": "/root",
        "www-data": "/var/www",
        "nobody": "/nonexistent",
        "b-user": "/b",
        "c-user": "/c",
        "ann": "",
        "bob": "/bob",
    }
    assert known.group_names(spec) == {
        *("root", "www-data", "shadow", "utmp", "nogroup"),
        *("b-group", "b-user", "c-user", "ann", "bob", "team"),
    }


def test_an_account_is_made_once_by_the_first_that_names_it(tmp_path: Path) -> None:
    packages = [
        base(tmp_path),
        sysusers(tmp_path, "a", "u declared 901 - /a\ng own 902\nm declared own\n"),
        installed(tmp_path, "b", {"lib/tmpfiles.d/b.conf": "d /var/lib/b 0755 spooler unit-group -\n"}),
    ]
    said = Declarations(
        users=(
            WantedUser("scripted", system=True, home="/s", make_home=False),
            WantedUser("www-data", groups=("shadow",), home="/other", shell="/bin/odd"),
        ),
        groups=(WantedGroup("scripts", system=True), WantedGroup("shadow", 77)),
    )
    units = (
        [WantedUser(name, system=True, make_home=False) for name in ("declared", "united")],
        [WantedGroup(name, system=True) for name in ("own", "unit-group")],
    )
    spec = spec_of(users={"ann": {"uid": 1500}, "united2": {}}, groups={"team": {"gid": 1600}})
    known = known_accounts(packages)
    found = system_accounts(spec, packages, known, said, of_units=units)
    names = [user.name for user in found.users]
    assert len(names) == len(set(names))
    assert set(names) == {
        *("root", "www-data", "nobody", "declared", "scripted", "united", "spooler", "ann", "united2"),
    }
    www, declared = found.user("www-data"), found.user("declared")
    assert www is not None
    assert declared is not None
    assert (www.uid, www.home, www.shell) == (33, "/var/www", "/usr/sbin/nologin")
    assert found.groups_with("www-data") == ("shadow",)
    assert (declared.uid, declared.home) == (901, "/a")
    groups = {group.name: group.gid for group in found.groups}
    assert (groups["own"], groups["shadow"], groups["team"]) == (902, 42, 1600)
    assert {"scripts", "unit-group"} <= groups.keys()
    ids = chosen_ids(spec, known.base, parse_accounts("", ""), found)
    assert ids.users.keys() == {"declared", "scripted", "united", "spooler", "united2"}
    assert ids.groups.keys() == groups.keys() - {"root", "www-data", "shadow", "utmp", "nogroup", "team"}
    below = parse_accounts("scripted:*:700:700::/:/bin/sh\n", "scripts:*:701:\n")
    assert chosen_ids(spec, known.base, below, found).users.keys() == ids.users.keys() - {"scripted"}
    assert chosen_ids(spec, known.base, below, found).groups.keys() == ids.groups.keys() - {"scripts"}
    locked = AccountIds({"declared": 800}, {"own": 801})
    kept = system_accounts(spec, packages, known, said, of_units=units, locked=locked)
    user, group = kept.user("declared"), kept.group("own")
    assert user is not None
    assert group is not None
    assert (user.uid, group.gid) == (800, 801)


def test_accounts_that_the_spec_mentions_have_to_be_made_by_something(tmp_path: Path) -> None:
    packages = [base(tmp_path), sysusers(tmp_path, "a", "u grouped -:shadow\nu single -\n")]
    known = known_accounts(packages)

    def settled(user: str, group: str | None = None) -> None:
        services = {"s": {"command": ["x"], "user": user, **({"group": group} if group else {})}}
        system_accounts(spec_of(services=services, users={"ann": {}}), packages, known, Declarations())

    for user, group in (("single", "single"), ("grouped", "shadow"), ("ann", "ann"), ("root", "utmp")):
        settled(user, group)
    for unknown in (("grouped", "grouped"), ("ghost",)):
        with pytest.raises(SpecError, match="cannot settle users and groups"):
            settled(*unknown)

"""Accounts added to files that are there: every line stays, and what is added is where the C library looks for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.rootfs.account_files import AccountFile, Table, amended, read_accounts
from sysimage.rootfs.accounts import HeldId, WantedGroup, WantedUser, parse_accounts
from sysimage.rootfs.add_accounts import add_accounts

PASSWD = (
    b"# who is here\n"
    b"root:x:0:0:root:/root:/bin/bash\n"
    b"\n"
    b"toor::0:0::/:\n"
    b"old:x:-2:-2\n"
    b"odd name:x:1000:1000::/:\n"
    b"mail:x:8:8:m\xff:/var/mail:/bin/false\r\n"
    b"mail:x:9:9::/second:/bin/sh\n"
    b"broken:x:many:1::/:\n"
    b"+::::::"
)
GROUP = b"root:x:0:\nwheel:x:10:root,  toor\nodd:x:\nmail:x:8:\nstaff:x:50\n"
SHADOW = b"root:$6$salt$hash:19000:0:99999:7:::\nmail:*:19000::::\nghost:$6$old:1:2:3:4:5:6:\n"
GSHADOW = b"root:*::\nwheel:!:adm:root\n"


def files(**texts: bytes) -> dict[Table, AccountFile]:
    modes = {"passwd": 0o644, "group": 0o664, "shadow": 0o600, "gshadow": 0o400}
    return {
        name: AccountFile(f"/etc/{name}", texts[name], modes[name], 1, 42)  # type: ignore[misc]
        for name in modes
        if name in texts
    }


ALL = files(passwd=PASSWD, group=GROUP, shadow=SHADOW, gshadow=GSHADOW)


def added(
    below: dict[Table, AccountFile], users: list[WantedUser], groups: tuple[WantedGroup, ...] = ()
) -> dict[str, bytes]:
    accounts = add_accounts(read_accounts(below), users, groups)
    return {entry.path: entry.read() for entry in amended(below, accounts, {user.name for user in users})}


def test_accounts_are_read_as_the_c_library_reads_them() -> None:
    accounts = read_accounts(ALL)
    assert [(user.name, user.uid) for user in accounts.users] == [
        ("root", 0), ("toor", 0), ("mail", 8), ("old", 4294967294),
    ]  # fmt: skip
    assert accounts.odd_users == (HeldId(1000, "odd name"),)
    assert [(group.name, group.gid, group.members) for group in accounts.groups] == [
        ("root", 0, ()), ("mail", 8, ()), ("wheel", 10, ("root", "toor")), ("staff", 50, ()),
    ]  # fmt: skip


def test_new_accounts_come_after_all_that_is_there() -> None:
    new = added(ALL, [WantedUser("ann", uid=1001, groups=("wheel", "staff"), password_hash="$y$x")])
    assert new == {
        "/etc/passwd": PASSWD + b"\nann:x:1001:1001::/home/ann:/bin/sh\n",
        "/etc/group": GROUP.replace(b"  toor", b"  toor,ann").replace(b"50\n", b"50:ann\n") + b"ann:x:1001:\n",
        "/etc/shadow": SHADOW + b"ann:$y$x:::::::\n",
        "/etc/gshadow": GSHADOW.replace(b":adm:root", b":adm:root,ann") + b"staff:*::ann\nann:*::\n",
    }


def test_files_keep_their_owners_and_modes() -> None:
    accounts = add_accounts(read_accounts(ALL), [WantedUser("ann")], ())
    found = {entry.path: (entry.mode, entry.uid, entry.gid) for entry in amended(ALL, accounts, ["ann"])}
    assert found == {
        "/etc/passwd": (0o644, 1, 42),
        "/etc/group": (0o664, 1, 42),
        "/etc/shadow": (0o600, 1, 42),
        "/etc/gshadow": (0o400, 1, 42),
    }


@given(st.binary(max_size=60), st.binary(max_size=60), st.binary(max_size=60))
def test_nothing_is_lost_whatever_the_files_hold(passwd: bytes, group: bytes, shadow: bytes) -> None:
    below = files(passwd=passwd, group=group, shadow=shadow)
    assert added(below, []) == {}
    new = added(below, [WantedUser("zz-new", uid=7777, group="zz")], (WantedGroup("zz", 7778),))
    for name, text in (("passwd", passwd), ("group", group), ("shadow", shadow)):
        assert new[f"/etc/{name}"].startswith(text)
    assert new["/etc/passwd"].endswith(b"\nzz-new:x:7777:7778::/home/zz-new:/bin/sh\n") or not passwd
    assert read_accounts({**below, "passwd": AccountFile("/p", new["/etc/passwd"], 0o644)}).user("zz-new") is not None


def test_only_the_fields_change_that_a_spec_asks_for() -> None:
    new = added(ALL, [WantedUser("mail", shell="/bin/sh")])
    assert new == {"/etc/passwd": PASSWD.replace(b":/var/mail:/bin/false\r", b":/var/mail:/bin/sh\r")}
    new = added(ALL, [WantedUser("root", password_hash="!")])
    assert new == {"/etc/shadow": SHADOW.replace(b"$6$salt$hash", b"!"), "/etc/passwd": PASSWD} or new == {
        "/etc/shadow": SHADOW.replace(b"$6$salt$hash", b"!")
    }
    new = added(ALL, [WantedUser("toor", password_hash="$y$t")])
    assert new == {
        "/etc/passwd": PASSWD.replace(b"toor::", b"toor:x:"),
        "/etc/shadow": SHADOW + b"toor:$y$t:::::::\n",
    }


def test_a_password_that_is_left_over_does_not_open_a_new_account() -> None:
    new = added(ALL, [WantedUser("ghost")])
    assert new["/etc/shadow"] == SHADOW.replace(b"ghost:$6$old:", b"ghost:!:")


def test_files_that_are_missing_are_made_beside_the_others() -> None:
    below = {"passwd": AccountFile("/usr/etc/passwd", b"root:x:0:0::/:/bin/sh", 0o644)}
    new = added(below, [WantedUser("ann", uid=1000)])  # type: ignore[arg-type]
    assert new == {
        "/usr/etc/passwd": b"root:x:0:0::/:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n",
        "/usr/etc/group": b"ann:x:1000:\n",
        "/usr/etc/shadow": b"ann:!:::::::\n",
    }


def test_a_chosen_id_is_free_in_lines_too_that_are_not_understood() -> None:
    alone = add_accounts(read_accounts({}), [WantedUser("ann")], ()).user("ann")
    assert alone is not None
    below = files(passwd=b"an odd one:x:%d:1::/:\n" % alone.uid, group=b"")
    beside = add_accounts(read_accounts(below), [WantedUser("ann")], ()).user("ann")
    assert beside is not None
    assert beside.uid != alone.uid


DEBIAN = parse_accounts("root:*:0:0:root:/root:/bin/bash\n", "root:*:0:\nwheel:*:10:\n")
people = st.sampled_from(("ann", "bob", "root"))
wanted_users = st.lists(st.builds(WantedUser, people, system=st.booleans()), max_size=3)
wanted_groups = st.lists(st.builds(WantedGroup, people, system=st.booleans()), max_size=3)


@given(
    st.lists(st.tuples(people, st.sampled_from(("ann", "bob", "")), st.booleans()), max_size=4, unique=True),
    wanted_users,
    wanted_groups,
)
def test_ids_are_chosen_as_the_image_below_lets_them(
    there: list[tuple[str, str, bool]], users: list[WantedUser], groups: list[WantedGroup]
) -> None:
    """Accounts are below whose places are those that the names would pick without them, or that have the names."""
    passwd = group = b""
    for number, (name, place_of, own_group) in enumerate(there):
        uid = place(place_of) if place_of else 500 + number
        name = f"other{number}" if place_of else name
        passwd += f"{name}:x:{uid}:{uid if own_group else 10}:kept:/kept:/bin/false\n".encode()
        group += f"{name}:x:{uid}:\n".encode() if own_group else b""
    below = files(passwd=b"root:x:0:0::/:\n" + passwd, group=b"root:x:0:\nwheel:x:10:\n" + group)
    accounts = add_accounts(DEBIAN, users, groups, read_accounts(below))
    text = {entry.path: entry.read() for entry in amended(below, accounts, {user.name for user in users})}
    assert text.get("/etc/passwd", below["passwd"].content).startswith(below["passwd"].content)
    assert text.get("/etc/group", below["group"].content).startswith(below["group"].content)


def place(name: str) -> int:
    """The ID that a name picks."""
    user = add_accounts(DEBIAN, [WantedUser(name)], []).user(name)
    assert user is not None
    return user.uid


def test_every_conflict_of_names_and_ids_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        added(
            ALL,
            [
                WantedUser("mail", uid=1000, origin="/users/mail"),
                WantedUser("ann", uid=8, origin="/users/ann"),
                WantedUser("bob", uid=1000, origin="/users/bob"),
            ],
            (WantedGroup("wheel", 11, origin="/groups/wheel"),),
        )
    assert {str(issue) for issue in caught.value.issues} == {
        "/users/mail: 'mail' has the user ID 8 already, not 1000",
        "/users/ann: the user ID 8 belongs to 'mail' already",
        "/users/bob: the user ID 1000 belongs to 'odd name' already",
        "/groups/wheel: 'wheel' has the group ID 10 already, not 11",
    }
    system = add_accounts(read_accounts({}), [WantedUser("mail", uid=300), WantedUser("daemon", uid=8)], ())
    with pytest.raises(SpecError) as caught:
        list(amended(ALL, system, ()))
    assert {str(issue) for issue in caught.value.issues} >= {
        "/users: the user 'mail' has the ID 8 in the base, not 300",
        "/users: the user ID 8 of 'daemon' belongs to 'mail' in the base",
    }

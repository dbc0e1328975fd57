"""Accounts added to files that are there: every line stays, and what is added is where the C library looks for it."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.rootfs.account_files import AccountFile, Table, amended, read_accounts
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts, Group, HeldId, User, WantedGroup, WantedUser, parse_accounts
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
    assert read_accounts(ALL) == Accounts.of(
        [
            User("root", 0, 0, "root", "/root", "/bin/bash", "$6$salt$hash"),
            User("toor", 0, 0, "", "/", "", ""),
            User("mail", 8, 8, "", "", "", "*"),
            User("old", 4294967294, 4294967294, "", "", "", "x"),
        ],
        [Group("root", 0), Group("mail", 8), Group("wheel", 10, ("root", "toor")), Group("staff", 50)],
        odd_users=[HeldId(1000, "odd name")],
    )
    assert read_accounts({}) == NO_ACCOUNTS


@pytest.mark.parametrize(
    ("line", "shadow", "found"),
    [
        (b"a:x:1:2:c:/h:/s", b"", User("a", 1, 2, "c", "/h", "/s", "x")),
        (b"a:x:1:2", b"", User("a", 1, 2, "", "", "", "x")),
        (b"a:x:1:2:c:/h", b"", User("a", 1, 2, "c", "/h", "", "x")),
        (b"a:x:1:2:c\xff:/h:/s", b"", User("a", 1, 2, "", "/h", "/s", "x")),
        (b"a:x:1:2:c:/h:/s\r", b"", User("a", 1, 2, "", "", "", "x")),
        (b"a:\x01:1:2:c:/h:/s", b"", User("a", 1, 2, "c", "/h", "/s", "*")),
        (b"a:x:1:2:c:/h:/s", b"a:!:1::::::\na:other:", User("a", 1, 2, "c", "/h", "/s", "!")),
        (b"a:x:1:2:c:/h:/s", b"#a:!:\nb:!:", User("a", 1, 2, "c", "/h", "/s", "x")),
        (b"a:x:1:2:c:/h:/s", b"a", User("a", 1, 2, "c", "/h", "/s", "x")),
        (b"a:x:1:2:c:/h:/s", b"a:", User("a", 1, 2, "c", "/h", "/s", "")),
        (b"a:x:4294967294:-3", b"", User("a", 2**32 - 2, 2**32 - 3, "", "", "", "x")),
        (b"a:x:4294967297:0000000002", b"", User("a", 1, 2, "", "", "", "x")),
        (b"a b:x:1:2:c:/h:/s", b"", HeldId(1, "a b")),
        (b"a:x:1", b"", None),
        (b"a:x", b"", None),
        (b"a", b"", None),
        (b"a:x:-1:1::/:", b"", None),
        (b"a:x:1:4294967295::/:", b"", None),
        (b"a:x:00000000001:1::/:", b"", None),
        (b"a:x::1::/:", b"", None),
        (b"+a:x:1:1::/:", b"", None),
        (b"-a:x:1:1::/:", b"", None),
        (b"#a:x:1:1::/:", b"", None),
    ],
)
def test_a_line_of_passwd_is_a_user_or_an_id_that_is_taken_or_nothing(
    line: bytes, shadow: bytes, found: User | HeldId | None
) -> None:
    users, odd = [found] if isinstance(found, User) else [], [found] if isinstance(found, HeldId) else []
    assert read_accounts(files(passwd=line, shadow=shadow)) == Accounts.of(users, (), odd_users=odd)
    assert read_accounts(files(passwd=b"\n" + line + b"\n\n", shadow=shadow)) == Accounts.of(users, (), odd_users=odd)


@pytest.mark.parametrize(
    ("text", "groups", "odd"),
    [
        (b"g:x:1:bob, ann,,ann", [Group("g", 1, ("ann", "bob"))], []),
        (b"g:x:1:ann:bob", [Group("g", 1, ("ann",))], []),
        (b"g:x:1\n", [Group("g", 1)], []),
        (b"g:x:1:ann\ng:x:2:bob\n", [Group("g", 1, ("ann",))], []),
        (b"g h:x:1:\ng:x:2:a b\ni:x:3:", [Group("i", 3)], [HeldId(1, "g h"), HeldId(2, "g")]),
        (b"g:x\nh:x:-1:\n+i:x:3:\n\n", [], []),
    ],
)
def test_a_line_of_group_is_a_group_or_an_id_that_is_taken_or_nothing(
    text: bytes, groups: list[Group], odd: list[HeldId]
) -> None:
    assert read_accounts(files(group=text)) == Accounts.of((), groups, odd_groups=odd)


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
    assert new == {"/etc/shadow": SHADOW.replace(b"$6$salt$hash", b"!")}
    new = added(ALL, [WantedUser("toor", password_hash="$y$t")])
    assert new == {
        "/etc/passwd": PASSWD.replace(b"toor::", b"toor:x:"),
        "/etc/shadow": SHADOW + b"toor:$y$t:::::::\n",
    }


def test_a_password_that_is_left_over_does_not_open_a_new_account() -> None:
    new = added(ALL, [WantedUser("ghost")])
    assert new["/etc/shadow"] == SHADOW.replace(b"ghost:$6$old:", b"ghost:!:")


def test_a_member_is_added_once_to_the_end_of_its_groups_lines() -> None:
    below = files(
        passwd=b"root:x:0:0::/:\n",
        group=b"a:x:50:root, \nb:x:51:\r\nc:x:52\nd:x:53:ann,bob\n",
        gshadow=b"a:!\nb:!:adm:,\r\nc:!::ann\n#d:::\n",
    )
    new = added(below, [WantedUser("ann", uid=1000, groups=("a", "b", "c", "d"))])
    assert new["/etc/group"] == b"a:x:50:root,ann\nb:x:51:ann\r\nc:x:52:ann\nd:x:53:ann,bob\nann:x:1000:\n"
    assert new["/etc/gshadow"] == b"a:!::ann\nb:!:adm:ann\r\nc:!::ann\n#d:::\nann:*::\n"


def test_a_line_that_ends_early_gets_the_fields_that_it_lacks() -> None:
    below = files(passwd=b"old:x:5:5\nann:x:6:6", group=b"old:x:5:\n", shadow=b"old\nann:*:1:2")
    assert added(below, [WantedUser("old", shell="/bin/sh", password_hash="!")]) == {
        "/etc/passwd": b"old:x:5:5:::/bin/sh\nann:x:6:6",
        "/etc/shadow": b"old:!\nann:*:1:2",
    }
    assert added(below, [WantedUser("ann", group="old", comment="Ann", home="/ann", password_hash="$y$")]) == {
        "/etc/passwd": b"old:x:5:5\nann:x:6:5:Ann:/ann",
        "/etc/shadow": b"old\nann:$y$:1:2",
    }


def test_an_account_that_the_spec_does_not_declare_stays_as_the_base_has_it() -> None:
    changed = add_accounts(read_accounts(ALL), [WantedUser("root", shell="/bin/sh", password_hash="!")], ())
    assert list(amended(ALL, changed, ["toor"])) == []


def test_files_that_are_missing_are_made_beside_the_others_as_debian_makes_them() -> None:
    below: dict[Table, AccountFile] = {"passwd": AccountFile("/usr/etc/passwd", b"root:x:0:0::/:/bin/sh", 0o600)}
    assert made(below, ()) == [
        ("/usr/etc/passwd", b"root:x:0:0::/:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n", 0o600, 0, 0),
        ("/usr/etc/group", b"ann:x:1000:\n", 0o644, 0, 0),
        ("/usr/etc/shadow", b"ann:!:::::::\n", 0o600, 0, 0),
    ]
    assert made({}, [WantedGroup("shadow", 42)]) == [
        ("/etc/passwd", b"ann:x:1000:1000::/home/ann:/bin/sh\n", 0o644, 0, 0),
        ("/etc/group", b"shadow:x:42:\nann:x:1000:\n", 0o644, 0, 0),
        ("/etc/shadow", b"ann:!:::::::\n", 0o640, 0, 42),
    ]


def made(below: dict[Table, AccountFile], groups: Iterable[WantedGroup]) -> list[tuple[str, bytes, int, int, int]]:
    """What ann is added to: path, text, mode, owner and group."""
    accounts = add_accounts(read_accounts(below), [WantedUser("ann", uid=1000)], groups)
    entries = amended(below, accounts, ["ann"])
    return [(entry.path, entry.read(), entry.mode, entry.uid, entry.gid) for entry in entries]


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
    assert [str(issue) for issue in caught.value.issues] == [
        "/groups/wheel: 'wheel' has the group ID 10 already, not 11",
        "/users/ann: the user ID 8 belongs to 'mail' already",
        "/users/bob: the user ID 1000 belongs to 'odd name' already",
        "/users/mail: 'mail' has the user ID 8 already, not 1000",
    ]
    below = files(passwd=PASSWD, group=GROUP + b"odd name:x:60:\n")
    system = add_accounts(
        NO_ACCOUNTS,
        [WantedUser("mail", uid=300, group="root"), WantedUser("daemon", uid=8, group="root")],
        [WantedGroup("root", 0), WantedGroup("wheel", 11), WantedGroup("disk", 10), WantedGroup("games", 60)],
    )
    with pytest.raises(SpecError) as caught:
        list(amended(below, system, ()))
    assert str(caught.value).splitlines() == [
        "cannot add accounts to those of the base image",
        "  /users: the user ID 8 of 'daemon' belongs to 'mail' in the base",
        "  /users: the user 'mail' has the ID 8 in the base, not 300",
        "  /groups: the group ID 10 of 'disk' belongs to 'wheel' in the base",
        "  /groups: the group 'wheel' has the ID 10 in the base, not 11",
        "  /groups: the group ID 60 of 'games' belongs to 'odd name' in the base",
    ]
    assert caught.value.hint == "give them the IDs that they have in the base, or others that are free there"

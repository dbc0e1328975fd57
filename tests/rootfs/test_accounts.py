"""Users and groups: what a line of /etc/passwd or /etc/group can hold."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts, Group, HeldId, User, WantedGroup, WantedUser, parse_accounts


@pytest.mark.parametrize("text", ["a\nb", "a:b", "a\rb", "a\u2028b", "\x85", "\0", "\ud800"])
@pytest.mark.parametrize("field", ["name", "comment", "home", "shell", "password_hash"])
def test_no_account_holds_what_its_line_cannot(field: str, text: str) -> None:
    values: dict[str, Any] = {"name": "ann", "uid": 1, "gid": 1, field: text}
    with pytest.raises(ValueError, match="account"):
        User(**values)


@pytest.mark.parametrize("name", ["", "a,b", "a b", "-a", "+", "a/b", "a\n"])
def test_what_no_list_of_names_can_hold_is_not_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        User(name, 1, 1)
    with pytest.raises(ValueError, match="not the name"):
        Group(name, 1)
    with pytest.raises(ValueError, match="not the name"):
        Group("g", 1, ("ann", name))


@pytest.mark.parametrize("number", [-1, 2**32 - 1])
def test_ids_are_those_of_the_kernel(number: int) -> None:
    with pytest.raises(ValueError, match="not the ID"):
        User("a", number, 0)
    with pytest.raises(ValueError, match="not the ID"):
        User("a", 0, number)
    with pytest.raises(ValueError, match="not the ID"):
        Group("a", number)


def test_only_a_line_feed_ends_an_account() -> None:
    """As for the C library: another reader's line break would be an account without a declaration."""
    with pytest.raises(ValueError, match="cannot have a field"):
        parse_accounts("root:x:0:0:a\u2028b:/root:/bin/sh\n", "")
    with pytest.raises(ValueError, match="unpack"):
        parse_accounts("root:x:0:0:a\vx:0:0:::/:\n", "")


MASTER = (
    "mail:*:8:8:mail:/var/mail:/usr/sbin/nologin\nroot:*:0:0:root:/root:/bin/bash\n\nman:*:6:12::/man:/bin/sh\n",
    "shadow:*:42:\nroot:*:0:\n\nmail:*:8:root,,man\nadm:*:4:mail,root\n",
)


def test_master_files_become_accounts_in_the_order_of_ids() -> None:
    accounts = parse_accounts(*MASTER)
    assert accounts == Accounts(
        (
            User("root", 0, 0, "root", "/root", "/bin/bash"),
            User("man", 6, 12, "", "/man", "/bin/sh"),
            User("mail", 8, 8, "mail", "/var/mail"),
        ),
        (Group("root", 0), Group("adm", 4, ("mail", "root")), Group("mail", 8, ("man", "root")), Group("shadow", 42)),
    )
    assert (accounts.homes, accounts.odd_users, accounts.odd_groups) == ((), (), ())
    assert accounts.passwd() == (
        b"root:x:0:0:root:/root:/bin/bash\nman:x:6:12::/man:/bin/sh\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n"
    )
    assert accounts.group_file() == b"root:x:0:\nadm:x:4:mail,root\nmail:x:8:man,root\nshadow:x:42:\n"
    assert accounts.shadow() == b"root:*:::::::\nman:*:::::::\nmail:*:::::::\n"
    assert accounts.gshadow() == b"root:*::\nadm:*::mail,root\nmail:*::man,root\nshadow:*::\n"


def test_accounts_with_one_id_are_in_the_order_of_names_and_homes_too() -> None:
    users, groups = [User(name, 5, 5) for name in "bca"], [Group(name, 5) for name in "bca"]
    accounts = Accounts.of(users, groups, ["b", "c", "a"])
    assert [user.name for user in accounts.users] == ["a", "b", "c"]
    assert [group.name for group in accounts.groups] == ["a", "b", "c"]
    assert accounts.homes == ("a", "b", "c")
    assert accounts.group_of(users[0]) == Group("a", 5)


def test_an_account_is_found_by_its_name_and_root_is_everywhere() -> None:
    accounts = parse_accounts(*MASTER)
    assert accounts.user("man") == User("man", 6, 12, "", "/man", "/bin/sh")
    assert accounts.group("mail") == Group("mail", 8, ("man", "root"))
    assert (accounts.user("adm"), accounts.group("man")) == (None, None)
    assert (accounts.uid("man"), accounts.gid("shadow"), accounts.uid("adm"), accounts.gid("man")) == (
        6,
        42,
        None,
        None,
    )
    assert (NO_ACCOUNTS.uid("root"), NO_ACCOUNTS.gid("root"), NO_ACCOUNTS.uid("mail")) == (0, 0, None)
    other = Accounts.of([User("root", 7, 9)], [Group("root", 9)])
    assert (other.uid("root"), other.gid("root")) == (7, 9)
    assert accounts.groups_with("root") == ("adm", "mail")
    assert Accounts.of((), [Group("z", 1, ("a",)), Group("b", 2, ("a",))]).groups_with("a") == ("b", "z")
    with pytest.raises(KeyError, match="no group has the ID 12"):
        accounts.group_of(User("man", 6, 12))
    assert accounts.group_of(User("x", 1, 8)).name == "mail"


def test_every_id_that_is_taken_is_known() -> None:
    odd = [HeldId(3, "odd")], [HeldId(4, "odd name")]
    accounts = Accounts.of([User("a", 1, 2)], [Group("b", 2)], odd_users=odd[0], odd_groups=odd[1])
    assert accounts.user_ids() == (HeldId(3, "odd"), HeldId(1, "a"))
    assert accounts.group_ids() == (HeldId(4, "odd name"), HeldId(2, "b"))


def test_passwords_are_for_the_group_of_that_name_if_there_is_one() -> None:
    assert parse_accounts(*MASTER).secret == (0o640, 42)
    assert NO_ACCOUNTS.secret == (0o600, 0)


def test_what_is_asked_for_is_a_person_with_a_home_unless_it_says_otherwise() -> None:
    assert WantedUser("a") == WantedUser("a", None, None, (), None, None, None, None, False, True, "sysimage")
    assert WantedGroup("a") == WantedGroup("a", None, (), False, "sysimage")

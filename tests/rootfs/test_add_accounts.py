"""Accounts that are asked for: IDs that follow from names, the files that hold them, faults named together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import (
    Accounts,
    WantedGroup,
    WantedUser,
    parse_accounts,
)
from sysimage.rootfs.add_accounts import ORDINARY_IDS, SYSTEM_IDS, add_accounts

BASE = parse_accounts(
    "root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33:www-data:/var/www:/usr/sbin/nologin\n",
    "root:*:0:\nwww-data:*:33:\nsudo:*:27:\n",
)
names = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True).filter(lambda name: BASE.user(name) is None)


def ids(accounts: Accounts) -> dict[str, tuple[int, int]]:
    return {user.name: (user.uid, user.gid) for user in accounts.users}


@given(st.sets(names, max_size=8), names, st.booleans())
def test_another_user_changes_nobodys_ids_unless_it_picks_the_same_place(
    others: set[str], added: str, system: bool
) -> None:
    before = add_accounts(BASE, [WantedUser(name, system=system) for name in others - {added}], [])
    after = add_accounts(BASE, [WantedUser(name, system=system) for name in others | {added}], [])
    alone = add_accounts(BASE, [WantedUser(added, system=system)], [])
    changed = {name for name, found in ids(before).items() if ids(after)[name] != found}
    contested = {name for name, found in ids(before).items() if found[0] == ids(alone)[added][0]}
    if not contested:
        assert not changed


@given(st.lists(st.tuples(names, st.booleans()), max_size=12, unique_by=lambda pair: pair[0]))
def test_chosen_ids_are_distinct_in_their_range_and_the_groups_own(wanted: list[tuple[str, bool]]) -> None:
    accounts = add_accounts(BASE, [WantedUser(name, system=system) for name, system in wanted], [])
    assert len({user.uid for user in accounts.users}) == len(accounts.users)
    assert len({group.gid for group in accounts.groups}) == len(accounts.groups)
    for name, system in wanted:
        user = accounts.user(name)
        assert user is not None
        assert user.uid in (SYSTEM_IDS if system else ORDINARY_IDS)
        assert accounts.group_of(user).name == name
        assert user.gid == user.uid


@given(st.permutations(["ann", "bob", "cy", "dee"]))
def test_the_order_of_declarations_does_not_matter(order: list[str]) -> None:
    assert add_accounts(BASE, map(WantedUser, order), []) == add_accounts(BASE, map(WantedUser, sorted(order)), [])


def test_the_files_of_etc() -> None:
    accounts = add_accounts(
        BASE,
        [
            WantedUser("alice", uid=1000, groups=("sudo",), comment="Alice", shell="/bin/bash", password_hash="$y$x"),
            WantedUser("www-data", home="/srv/www", make_home=False),
            WantedUser("app", uid=400, group="app", system=True),
        ],
        [WantedGroup("app", 401), WantedGroup("readers", 1500, ("alice", "app"))],
    )
    assert accounts.passwd().decode() == (
        "root:x:0:0:root:/root:/bin/bash\n"
        "www-data:x:33:33:www-data:/srv/www:/usr/sbin/nologin\n"
        "app:x:400:401::/nonexistent:/usr/sbin/nologin\n"
        "alice:x:1000:1000:Alice:/home/alice:/bin/bash\n"
    )
    assert accounts.group_file().decode() == (
        "root:x:0:\nsudo:x:27:alice\nwww-data:x:33:\napp:x:401:\nalice:x:1000:\nreaders:x:1500:alice,app\n"
    )
    assert accounts.shadow().decode() == ("root:*:::::::\nwww-data:*:::::::\napp:!:::::::\nalice:$y$x:::::::\n")
    assert accounts.gshadow().decode().splitlines()[-1] == "readers:*::alice,app"
    assert accounts.homes == ("alice",)
    assert accounts.groups_with("alice") == ("readers", "sudo")


def test_every_fault_of_the_accounts_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        add_accounts(
            BASE,
            [
                WantedUser("a", uid=33, origin="/users/a"),
                WantedUser("b", group="none", origin="/users/b"),
                WantedUser("c", groups=("nobody-has-it",), origin="/users/c"),
            ],
            [WantedGroup("g", 27, ("ghost",), origin="/groups/g")],
        )
    assert {str(issue) for issue in caught.value.issues} == {
        "/users/a: the user ID 33 belongs to 'www-data' already",
        "/users/b: the group 'none' does not exist",
        "/users/c: the group 'nobody-has-it' does not exist",
        "/groups/g: the group ID 27 belongs to 'sudo' already",
        "/groups/g: the member 'ghost' does not exist",
    }


def test_an_account_that_is_there_keeps_its_home_as_it_is() -> None:
    """Most homes of Debian's accounts are directories of the system: /dev, /bin, /usr/sbin."""
    accounts = add_accounts(BASE, [WantedUser("www-data", shell="/bin/sh"), WantedUser("ann")], [])
    assert accounts.homes == ("ann",)
    assert add_accounts(BASE, [WantedUser("www-data", home="/srv/www")], []).homes == ("www-data",)


def test_a_range_that_is_full_is_an_error() -> None:
    everybody = [WantedUser(f"u{number}", uid=number, system=True) for number in SYSTEM_IDS]
    with pytest.raises(SpecError, match="all from 200 to 999 are taken"):
        add_accounts(BASE, [*everybody, WantedUser("late", system=True)], [])

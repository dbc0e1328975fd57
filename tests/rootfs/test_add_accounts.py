"""Accounts that are asked for: IDs that follow from names, the files that hold them, faults named together."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import Accounts, WantedGroup, WantedUser, parse_accounts
from sysimage.rootfs.add_accounts import ORDINARY_IDS, SYSTEM_IDS, add_accounts
from sysimage.spec.account_ids import AccountIds

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


def test_a_name_picks_the_id_that_it_picked_in_every_earlier_version() -> None:
    """Volumes hold files of these owners: what the range or the choice were changed to would take them away."""
    accounts = add_accounts(BASE, [WantedUser("ann"), WantedUser("postgres", system=True)], [WantedGroup("readers")])
    assert ids(accounts) == ids(BASE) | {"ann": (24870, 24870), "postgres": (969, 969)}
    assert accounts.gid("readers") == 20031


def test_a_user_has_the_id_that_is_declared_for_the_group_of_its_name_where_it_can() -> None:
    def with_gid(gid: int) -> tuple[int, int]:
        return ids(add_accounts(BASE, [WantedUser("ann")], [WantedGroup("ann", gid)]))["ann"]

    assert with_gid(1500) == (1500, 1500)
    assert with_gid(400) == (24870, 400), "a person has no ID of a daemon's"
    bob = WantedUser("bob", uid=1500, group="sudo")
    taken = add_accounts(BASE, [WantedUser("ann"), bob], [WantedGroup("ann", 1500)])
    assert ids(taken)["ann"] == (24870, 1500)


@settings(max_examples=15)
@given(st.permutations(["dnsmasq", "dhcpcd", "ann", "bob", "cy"]), st.permutations(["dnsmasq", "dhcpcd", "ann", "zoo"]))
def test_the_order_of_declarations_does_not_matter(users: list[str], groups: list[str]) -> None:
    """Two of the names pick the same place."""

    def made(users: list[str], groups: list[str]) -> tuple[Accounts, Accounts]:
        members = [WantedUser(f"of-{name}", group="sudo", groups=tuple(groups)) for name in users]
        return (
            add_accounts(BASE, [WantedUser(name, system=True) for name in users], []),
            add_accounts(BASE, members, [WantedGroup(name, system=True) for name in groups]),
        )

    assert made(users, groups) == made(sorted(users), sorted(groups))


@settings(max_examples=6)
@given(st.permutations(["ann", "bob", "cy", "dee"]))
def test_the_order_of_declarations_does_not_change_whose_id_is_taken(order: list[str]) -> None:
    locked = AccountIds({"ann": 1500, "cy": 1600}, {"ann": 1500, "cy": 1600})
    below = parse_accounts("x:*:1500:27::/:/bin/sh\ny:*:1600:27::/:/bin/sh\n", "x:*:1500:\ny:*:1600:\n")
    with pytest.raises(SpecError) as caught:
        add_accounts(
            BASE,
            [WantedUser(name, uid=33 if name in ("bob", "dee") else None, origin=f"/users/{name}") for name in order],
            [WantedGroup(name, gid=27 if name in ("bob", "dee") else None, origin=f"/groups/{name}") for name in order],
            below,
            locked,
        )
    assert str(caught.value).splitlines() == [
        "cannot settle users and groups",
        "  /groups/bob: the group ID 27 belongs to 'sudo' already",
        "  /groups/dee: the group ID 27 belongs to 'bob' already",
        "  /users/bob: the user ID 33 belongs to 'www-data' already",
        "  /users/dee: the user ID 33 belongs to 'bob' already",
        "  from-image: the user ID 1500 is that of 'ann' in the lock file and of 'x' there",
        "  from-image: the user ID 1600 is that of 'cy' in the lock file and of 'y' there",
        "  from-image: the group ID 1500 is that of 'ann' in the lock file and of 'x' there",
        "  from-image: the group ID 1600 is that of 'cy' in the lock file and of 'y' there",
    ]
    assert caught.value.hint == "declare what is missing, or drop an ID that is taken"


def test_a_chosen_id_is_free_for_the_user_and_for_the_group_of_its_name() -> None:
    (place,) = (user.uid for user in add_accounts(BASE, [WantedUser("ann")], []).users if user.name == "ann")
    bob, team = WantedUser("bob", uid=place, group="sudo"), WantedGroup("team", place)
    assert ids(add_accounts(BASE, [WantedUser("ann"), bob], []))["ann"] == (place + 1, place + 1)
    assert ids(add_accounts(BASE, [WantedUser("ann")], [team]))["ann"] == (place + 1, place + 1)
    assert ids(add_accounts(BASE, [WantedUser("ann", group="sudo")], [team]))["ann"] == (place, 27)
    uid = WantedUser("ann", uid=place)
    assert ids(add_accounts(BASE, [uid], [team]))["ann"] == (place, place + 1)


def test_a_place_at_the_end_of_the_range_goes_on_at_its_beginning() -> None:
    (place,) = (user.uid for user in add_accounts(BASE, [WantedUser("a", system=True)], []).users if user.name == "a")
    above = [WantedUser(f"u{number}", uid=number, group="sudo") for number in range(place, 1000)]
    assert ids(add_accounts(BASE, [*above, WantedUser("a", system=True)], []))["a"] == (200, 200)


def test_a_primary_group_of_the_image_below_keeps_its_id() -> None:
    below = parse_accounts("", "web:*:82:\nsudo:*:5:\n")
    accounts = add_accounts(BASE, [WantedUser("ann", group="web"), WantedUser("bob", group="sudo")], [], below)
    assert (accounts.gid("web"), accounts.gid("sudo")) == (82, 27)
    found = {user.name: user.gid for user in accounts.users}
    assert (found["ann"], found["bob"]) == (82, 27)


def test_members_of_a_group_are_sorted() -> None:
    many = [f"u{number}" for number in range(20)]
    accounts = add_accounts(BASE, [WantedUser(name, uid=1000 + int(name[1:]), groups=("sudo",)) for name in many], [])
    sudo = accounts.group("sudo")
    assert sudo is not None
    assert sudo.members == tuple(sorted(many))


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
    assert [str(issue) for issue in caught.value.issues] == [
        "/groups/g: the group ID 27 belongs to 'sudo' already",
        "/users/a: the user ID 33 belongs to 'www-data' already",
        "/users/b: the group 'none' does not exist",
        "/groups/g: the member 'ghost' does not exist",
        "/users/c: the group 'nobody-has-it' does not exist",
    ]


def test_an_account_that_is_there_keeps_its_home_as_it_is() -> None:
    """Most homes of Debian's accounts are directories of the system: /dev, /bin, /usr/sbin."""
    accounts = add_accounts(BASE, [WantedUser("www-data", shell="/bin/sh"), WantedUser("ann")], [])
    assert accounts.homes == ("ann",)
    assert add_accounts(BASE, [WantedUser("www-data", home="/srv/www")], []).homes == ("www-data",)


def test_a_range_that_is_full_is_an_error() -> None:
    everybody = [WantedUser(f"u{number}", uid=number, system=True) for number in SYSTEM_IDS]
    with pytest.raises(SpecError, match="all from 200 to 999 are taken"):
        add_accounts(BASE, [*everybody, WantedUser("late", system=True)], [])


@pytest.mark.slow
@given(st.dictionaries(names, st.booleans(), max_size=8), st.dictionaries(names, st.booleans(), max_size=4))
def test_locked_ids_are_kept_whatever_else_comes(before: dict[str, bool], more: dict[str, bool]) -> None:
    first = add_accounts(BASE, [WantedUser(name, system=system) for name, system in before.items()], [])
    locked = AccountIds(
        {user.name: user.uid for user in first.users if user.name in before},
        {group.name: group.gid for group in first.groups if group.name in before},
    )
    wanted = [WantedUser(name, system=system) for name, system in (more | before).items()]
    after = add_accounts(BASE, wanted, [], locked=locked)
    assert {name: found for name, found in ids(after).items() if name in before or BASE.user(name)} == ids(first)
    assert len({user.uid for user in after.users}) == len(after.users)
    assert len({group.gid for group in after.groups}) == len(after.groups)


def test_dhcpcd_takes_no_id_from_dnsmasq_where_that_is_locked() -> None:
    dnsmasq, dhcpcd = (WantedUser(name, system=True) for name in ("dnsmasq", "dhcpcd"))
    alone = add_accounts(BASE, [dnsmasq], []).user("dnsmasq")
    assert alone is not None
    moved = add_accounts(BASE, [dnsmasq, dhcpcd], []).user("dnsmasq")
    assert moved is not None
    assert moved.uid != alone.uid  # both names pick the same place: the lock is what the test is about
    locked = AccountIds({"dnsmasq": alone.uid}, {"dnsmasq": alone.gid})
    assert add_accounts(BASE, [dnsmasq, dhcpcd], [], locked=locked).user("dnsmasq") == alone


def test_the_id_of_an_account_that_is_gone_stays_free_for_it() -> None:
    (place,) = (user.uid for user in add_accounts(BASE, [WantedUser("ann")], []).users if user.name == "ann")
    after = add_accounts(BASE, [WantedUser("ann")], [], locked=AccountIds({"bob": place}, {"bob": place}))
    assert ids(after)["ann"] == (place + 1, place + 1)


def test_a_declared_id_counts_more_than_a_locked_one() -> None:
    accounts = add_accounts(BASE, [WantedUser("ann", uid=1500)], [], locked=AccountIds({"ann": 1400}, {"ann": 1400}))
    assert ids(accounts)["ann"] == (1500, 1400)


def test_a_locked_id_that_another_account_has_by_now_is_a_fault() -> None:
    locked = AccountIds({"ann": 1400}, {"ann": 1400})
    with pytest.raises(SpecError) as declared:
        add_accounts(BASE, [WantedUser("ann"), WantedUser("bob", uid=1400, group="sudo")], [], locked=locked)
    assert [str(issue) for issue in declared.value.issues] == [
        "the lock file: the user ID 1400 belongs to 'bob' already"
    ]
    below = parse_accounts("cy:*:1400:27::/:/bin/sh\n", "")
    with pytest.raises(SpecError) as based:
        add_accounts(BASE, [WantedUser("ann")], [], below, locked)
    assert [str(issue) for issue in based.value.issues] == [
        "from-image: the user ID 1400 is that of 'ann' in the lock file and of 'cy' there"
    ]

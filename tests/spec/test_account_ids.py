"""IDs by name: compared, and put together."""

from __future__ import annotations

import pytest

from sysimage.spec.account_ids import NO_IDS, AccountIds


def test_ids_agree_where_no_name_has_another_and_no_id_another_name() -> None:
    ids = AccountIds({"ann": 1, "bob": 2}, {"ann": 1})
    assert ids.agree_with(AccountIds({"ann": 1, "cy": 3}))
    assert not ids.agree_with(AccountIds({"ann": 4}))
    assert not ids.agree_with(AccountIds({"cy": 2}))
    assert not ids.agree_with(AccountIds({}, {"ann": 2}))
    assert ids.without(AccountIds({"ann": 9}, {"ann": 9})) == AccountIds({"bob": 2})
    assert ids.without(AccountIds({"ann": 9})) == AccountIds({"bob": 2}, {"ann": 1})
    assert AccountIds({"ann": 9}).with_more(ids) == AccountIds({"ann": 9, "bob": 2}, {"ann": 1})
    assert ids.names() == ["ann", "bob"]
    assert AccountIds({"z": 1, "b": 2, "y": 3}, {"x": 1, "a": 2, "z": 3}).names() == ["a", "b", "x", "y", "z"]


def test_ids_are_there_if_a_user_or_a_group_has_one() -> None:
    assert not NO_IDS
    assert AccountIds({"ann": 1})
    assert AccountIds({}, {"ann": 1})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a,b", "a/b", "-a", "+a", "a\n", "a\x1b"])
def test_what_tools_would_mistake_is_not_a_name(name: str) -> None:
    for users, groups in (({name: 1}, {}), ({}, {name: 1})):
        with pytest.raises(ValueError, match="not the name of an account"):
            AccountIds(users, groups)


def test_ids_are_those_that_the_kernel_takes() -> None:
    AccountIds({"a-b+c_$": 0}, {"ä": 4_294_967_294})
    for number in (-1, 4_294_967_295):
        for users, groups in (({"a": number}, {}), ({}, {"a": number})):
            with pytest.raises(ValueError, match=f"not the ID of an account: {number}"):
                AccountIds(users, groups)

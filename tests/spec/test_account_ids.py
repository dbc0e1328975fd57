"""IDs by name: compared, and put together."""

from __future__ import annotations

from sysimage.spec.account_ids import AccountIds


def test_ids_agree_where_no_name_has_another_and_no_id_another_name() -> None:
    ids = AccountIds({"ann": 1, "bob": 2}, {"ann": 1})
    assert ids.agree_with(AccountIds({"ann": 1, "cy": 3}))
    assert not ids.agree_with(AccountIds({"ann": 4}))
    assert not ids.agree_with(AccountIds({"cy": 2}))
    assert not ids.agree_with(AccountIds({}, {"ann": 2}))
    assert ids.without(AccountIds({"ann": 9}, {"ann": 9})) == AccountIds({"bob": 2})
    assert AccountIds({"ann": 9}).with_more(ids) == AccountIds({"ann": 9, "bob": 2}, {"ann": 1})

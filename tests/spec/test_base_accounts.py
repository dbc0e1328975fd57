"""The accounts of every image are those of Debian's base-passwd."""

from __future__ import annotations

from pathlib import Path

from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS

MASTERS = Path(__file__).parent / "base-passwd"
"""``/usr/share/base-passwd`` of base-passwd 3.6.1, copied."""


def test_users_and_groups_have_the_ids_and_the_order_of_debian() -> None:
    for name, accounts in (("passwd", BASE_USERS), ("group", BASE_GROUPS)):
        lines = [line.split(":") for line in (MASTERS / f"{name}.master").read_text().splitlines()]
        assert list(accounts.items()) == [(line[0], int(line[2])) for line in lines]

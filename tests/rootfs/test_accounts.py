"""Users and groups: what a line of /etc/passwd or /etc/group can hold."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.rootfs.accounts import Group, User, parse_accounts


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
        Group("g", 1, ("ann", name))


@pytest.mark.parametrize("number", [-1, 2**32 - 1])
def test_ids_are_those_of_the_kernel(number: int) -> None:
    with pytest.raises(ValueError, match="not the ID"):
        User("a", number, 0)
    with pytest.raises(ValueError, match="not the ID"):
        Group("a", number)


def test_only_a_line_feed_ends_an_account() -> None:
    """As for the C library: another reader's line break would be an account without a declaration."""
    with pytest.raises(ValueError, match="cannot have a field"):
        parse_accounts("root:x:0:0:a\u2028b:/root:/bin/sh\n", "")
    with pytest.raises(ValueError, match="unpack"):
        parse_accounts("root:x:0:0:a\vx:0:0:::/:\n", "")

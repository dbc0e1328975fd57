"""Names and IDs of users and groups, and pairs of them, such as those that a lock file keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sysimage.characters import is_line

_MOST_ID = 2**32 - 2
"""The kernel takes the number above for none."""
_NAME = re.compile(r"[^\s:,/+-][^\s:,/]*")
"""Names that tools do not mistake for a list, a path, an option, or a line that refers to another table."""


def check_name(name: str) -> None:
    """A ValueError for what cannot be the name of a user or a group."""
    if not _NAME.fullmatch(name) or not is_line(name):
        raise ValueError(f"not the name of an account: {name[:80]!r}")


def check_id(number: int) -> None:
    """A ValueError for what cannot be the ID of a user or a group."""
    if not 0 <= number <= _MOST_ID:
        raise ValueError(f"not the ID of an account: {number}")


@dataclass(frozen=True, slots=True)
class AccountIds:
    """User IDs and group IDs by name. A ValueError for a name or an ID that no
    account can have."""

    users: Mapping[str, int] = field(default_factory=dict)
    groups: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, number in (*self.users.items(), *self.groups.items()):
            check_name(name)
            check_id(number)

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)

    def names(self) -> list[str]:
        """Of users and of groups, sorted."""
        return sorted({*self.users, *self.groups})

    def without(self, others: AccountIds) -> AccountIds:
        """Those of names that have none in ``others``."""
        return AccountIds(
            {name: number for name, number in self.users.items() if name not in others.users},
            {name: number for name, number in self.groups.items() if name not in others.groups},
        )

    def with_more(self, more: AccountIds) -> AccountIds:
        """These, and those of other names in ``more``."""
        return AccountIds({**more.users, **self.users}, {**more.groups, **self.groups})

    def agree_with(self, others: AccountIds) -> bool:
        """Whether no name has another ID in ``others``, and no ID another name."""
        return _agree(self.users, others.users) and _agree(self.groups, others.groups)


def _agree(some: Mapping[str, int], others: Mapping[str, int]) -> bool:
    together = {**others, **some}
    same = all(together[name] == number for name, number in others.items())
    return same and len(set(together.values())) == len(together)


NO_IDS = AccountIds()

"""Account files that an image has already: read as the C library reads them, and added to line by line.

Whatever is in them stays byte for byte: comments, lines of NIS, lines with too few fields, carriage returns. New
accounts come after the last line. An existing line changes in one field only, which the spec asks for: a
group's members, a user's shell, a password's hash.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sysimage.errors import Issue, SpecError
from sysimage.rootfs.accounts import Accounts, Group, HeldId, User
from sysimage.rootfs.tree import Entry

Table = Literal["passwd", "group", "shadow", "gshadow"]
TABLES: tuple[Table, ...] = ("passwd", "group", "shadow", "gshadow")

_ID = re.compile(rb"-?[0-9]{1,10}")
"""What strtoul(3) takes; it wraps what is negative."""
_WRAP = 2**32
_UNKNOWN = "*"


@dataclass(frozen=True, slots=True)
class AccountFile:
    """One of the files, and how it is in the image."""

    path: str
    """Where it is written: links followed, unless they lead into a store item, which must not change."""
    content: bytes
    mode: int
    uid: int = 0
    gid: int = 0


AccountFiles = Mapping[Table, AccountFile]
"""Those that are there."""


def read_accounts(files: AccountFiles) -> Accounts:
    """The accounts that programs in the image see. Of two lines with one name the first counts, as everywhere."""
    lines = {table: _Lines(files[table].content if table in files else b"") for table in TABLES}
    users: dict[str, User] = {}
    odd_users: list[HeldId] = []
    for fields in lines["passwd"].fields():
        if len(fields) < 4 or (uid := _number(fields[2])) is None or (gid := _number(fields[3])) is None:
            continue
        name = _text(fields[0])
        user = _user(name, uid, gid, fields, _hash(fields, lines["shadow"]))
        if user is None:
            odd_users.append(HeldId(uid, name))
        else:
            users.setdefault(name, user)
    groups: dict[str, Group] = {}
    odd_groups: list[HeldId] = []
    for fields in lines["group"].fields():
        if len(fields) < 3 or (gid := _number(fields[2])) is None:
            continue
        name = _text(fields[0])
        try:
            groups.setdefault(name, Group(name, gid, tuple(sorted(_members(fields)))))
        except ValueError:
            odd_groups.append(HeldId(gid, name))
    return Accounts.of(users.values(), groups.values(), odd_users=odd_users, odd_groups=odd_groups)


def amended(files: AccountFiles, accounts: Accounts, declared: Collection[str]) -> Iterator[Entry]:
    """The files that change when the image is to know ``accounts``. Lines of users that are there change only where
    they are ``declared``.

    A `SpecError` names every account that the image has with another ID, and every ID that is another account's there.
    """
    before = read_accounts(files)
    issues = [*_conflicts(before, accounts)]
    if issues:
        raise SpecError(
            "cannot add accounts to those of the base image",
            hint="give them the IDs that they have in the base, or others that are free there",
            issues=issues,
        )
    lines = {table: _Lines(files[table].content if table in files else b"") for table in TABLES}
    for user in accounts.users:
        there = before.user(user.name)
        if there is None:
            lines["passwd"].append(user.passwd_line())
            lines["shadow"].put(user.name, {1: user.password_hash}, user.shadow_line())
        elif user.name in declared:
            _change_user(there, user, lines["passwd"], lines["shadow"])
    for group in accounts.groups:
        old = before.group(group.name)
        members = [name for name in group.members if old is None or name not in old.members]
        if old is None:
            lines["group"].append(group.group_line())
        elif members:
            lines["group"].add_members(group.name, members)
        if "gshadow" in files and (old is None or members):
            lines["gshadow"].add_members(group.name, members, group.gshadow_line())
    for table in TABLES:
        if lines[table].changed:
            yield _entry(table, files, lines[table].text(), accounts)


def _change_user(there: User, user: User, passwd: _Lines, shadow: _Lines) -> None:
    wanted = {3: str(user.gid), 4: user.comment, 5: user.home, 6: user.shell}
    found = {3: str(there.gid), 4: there.comment, 5: there.home, 6: there.shell}
    said = {number: text for number, text in wanted.items() if text != found[number]}
    if user.password_hash != there.password_hash:
        said[1] = "x"
        shadow.put(user.name, {1: user.password_hash}, user.shadow_line())
    if said:
        passwd.put(user.name, said, user.passwd_line())


def _entry(table: Table, files: AccountFiles, text: bytes, accounts: Accounts) -> Entry:
    """The file with its new text, with its owner and mode; a new file gets the usual ones."""
    file = files.get(table)
    if file is not None:
        return Entry.file(file.path, text, file.mode, file.uid, file.gid)
    # Beside the others: /etc itself may be a link.
    directory = next(iter(files.values())).path.rpartition("/")[0] if files else "/etc"
    mode, gid = accounts.secret if table in ("shadow", "gshadow") else (0o644, 0)
    return Entry.file(f"{directory}/{table}", text, mode, 0, gid)


def _conflicts(before: Accounts, after: Accounts) -> Iterator[Issue]:
    uids = {one.number: one.name for one in before.odd_users} | {user.uid: user.name for user in before.users}
    for user in after.users:
        there = before.user(user.name)
        yield from _conflict("user", user.name, user.uid, there.uid if there else None, uids)
    gids = {one.number: one.name for one in before.odd_groups} | {group.gid: group.name for group in before.groups}
    for group in after.groups:
        old = before.group(group.name)
        yield from _conflict("group", group.name, group.gid, old.gid if old else None, gids)


def _conflict(kind: str, name: str, number: int, there: int | None, holders: Mapping[int, str]) -> Iterator[Issue]:
    if there is not None and there != number:
        yield Issue(f"/{kind}s", f"the {kind} {name!r} has the ID {there} in the base, not {number}")
    elif there is None and number in holders:
        yield Issue(f"/{kind}s", f"the {kind} ID {number} of {name!r} belongs to {holders[number]!r} in the base")


def _user(name: str, uid: int, gid: int, fields: list[bytes], password: str) -> User | None:
    """The account of a line, with empty texts for fields that a line written here could not hold. None without a valid
    name."""
    texts = [_text(field) for field in (*fields[4:], b"", b"", b"")[:3]]
    for comment, home, shell in (texts, ("", texts[1], texts[2]), ("", "", "")):
        try:
            return User(name, uid, gid, comment, home, shell, password)
        except ValueError:
            continue
    return None


def _hash(fields: list[bytes], shadow: _Lines) -> str:
    """Of a password: as shadow says, or where that does not know the user, passwd itself."""
    found = shadow.field(fields[0], 1)
    text = _text(found if found is not None else fields[1])
    try:
        return User("x", 0, 0, password_hash=text).password_hash
    except ValueError:
        return _UNKNOWN


def _members(fields: list[bytes]) -> Iterable[str]:
    return {name for part in (fields[3].split(b",") if len(fields) > 3 else ()) if (name := _text(part).strip())}


def _number(field: bytes) -> int | None:
    if not _ID.fullmatch(field):
        return None
    number = int(field) % _WRAP
    return None if number == _WRAP - 1 else number


def _text(field: bytes) -> str:
    return field.decode("utf-8", "surrogateescape")


class _Lines:
    """A table as its lines, each with the end that it has."""

    def __init__(self, text: bytes) -> None:
        self._lines = _split(text)
        self._at: dict[bytes, int] = {}
        for number, line in enumerate(self._lines):
            if line[:1] not in b"#+-\n":
                self._at.setdefault(line.rstrip(b"\n").split(b":")[0], number)
        self.changed = False

    def fields(self) -> Iterator[list[bytes]]:
        """Of every line that may describe an account. The C library skips the others."""
        for line in self._lines:
            if line[:1] not in b"#+-\n":
                yield line.rstrip(b"\n").split(b":")

    def field(self, name: bytes, number: int) -> bytes | None:
        """One field of the line of an account; None where the table does not have it."""
        if name not in self._at:
            return None
        fields = self._lines[self._at[name]].rstrip(b"\n").split(b":")
        return fields[number] if number < len(fields) else None

    def append(self, line: str) -> None:
        """A new line after all others, of which the last one may lack its end."""
        if self._lines and not self._lines[-1].endswith(b"\n"):
            self._lines[-1] += b"\n"
        self._lines.append(_bytes(line) + b"\n")
        self.changed = True

    def put(self, name: str, values: Mapping[int, str], otherwise: str) -> None:
        """Change fields of an account's line; a table without one gets the line ``otherwise``."""
        fields = self._padded(name, max(values) + 1)
        if fields is None:
            self.append(otherwise)
            return
        for number, text in values.items():
            fields[number] = _bytes(text)
        self._replace(name, fields)

    def add_members(self, name: str, members: Iterable[str], otherwise: str = "") -> None:
        """Add to the list at the end of a group's line those that are not in it."""
        fields = self._padded(name, 4)
        if fields is None:
            self.append(otherwise)
            return
        there = [part.strip() for part in fields[3].split(b",")]
        if new := [member for member in map(_bytes, members) if member not in there]:
            fields[3] = b",".join([*filter(None, [fields[3].rstrip(b", ")]), *new])
            self._replace(name, fields)

    def _padded(self, name: str, least: int) -> list[bytes] | None:
        """At least so many fields of the line of an account; None where the table does not have it."""
        at = self._at.get(_bytes(name))
        if at is None:
            return None
        fields = _without_end(self._lines[at])[0].split(b":")
        return fields + [b""] * (least - len(fields))

    def _replace(self, name: str, fields: list[bytes]) -> None:
        """Give an account's line other fields, and leave its end as it is."""
        at = self._at[_bytes(name)]
        line = b":".join(fields) + _without_end(self._lines[at])[1]
        self.changed = self.changed or line != self._lines[at]
        self._lines[at] = line

    def text(self) -> bytes:
        return b"".join(self._lines)


def _split(text: bytes) -> list[bytes]:
    """Lines that end with a line feed and nothing else."""
    return [line for line in re.split(rb"(?<=\n)", text) if line]


def _without_end(line: bytes) -> tuple[bytes, bytes]:
    body = line.rstrip(b"\r\n")
    return body, line[len(body) :]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

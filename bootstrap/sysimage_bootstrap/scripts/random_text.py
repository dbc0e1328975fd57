"""Characters that are chosen when a system starts for the first time: passwords that scripts make of random bytes.

Each is, in the texts of scripts, a character of its own, out of Unicode's private planes, so that what cuts,
filters and copies texts treats it as any other. A file in which one is left is not in the image: it is made at the
first start (`fill_command`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count

_LETTERS, _HEXADECIMAL = 0xF0000, 0x100000
_MOST = 0xFFFD
_RUN = re.compile("([\U000f0000-\U000ffffd]+|[\U00100000-\U0010fffd]+)")
NOTHING = "/dev/null"
PROC_UUID = "/proc/sys/kernel/random/uuid"
DEVICES = ("/dev/urandom", "/dev/random")
_DEVICE_READS = 4096

_FILL = r"""
set -e
text() {
    while [ $# -gt 1 ]; do
        printf %s "$1"
        LC_ALL=C tr -dc "$2" < /dev/urandom | head -c "$3"
        shift 3
    done
    printf %s "$1"
}
"""
"""``text LITERAL [CHARACTERS LENGTH LITERAL] …`` prints literals with random characters between them."""


class RandomText:
    """Hands out characters, none of them twice."""

    def __init__(self) -> None:
        self._numbers = count()

    def letters(self, length: int) -> str:
        return "".join(chr(_LETTERS + next(self._numbers) % _MOST) for _ in range(length))

    def hexadecimal(self, length: int) -> str:
        return "".join(chr(_HEXADECIMAL + next(self._numbers) % _MOST) for _ in range(length))

    def base64(self, size: int) -> str:
        """As many letters as ``size`` bytes are in base64."""
        return self.letters(-(-size // 3) * 4)

    def uuid(self) -> str:
        return "-".join(self.hexadecimal(length) for length in (8, 4, 4, 4, 12))

    def read(self, path: str) -> str | None:
        """What is read from a device of the kernel; None for any other file."""
        if path == NOTHING:
            return ""
        if path == PROC_UUID:
            return f"{self.uuid()}\n"
        return self.letters(_DEVICE_READS) if path in DEVICES else None


def runs(text: str) -> list[str]:
    """The random parts of a text."""
    return _RUN.findall(text)


def fill_command(text: str, script: str, *words: str) -> tuple[str, ...]:
    """A command that runs ``script`` with ``words``, in which ``text`` is a function of the shell that prints the text
    with random characters in their places, of its arguments after the words."""
    shift = f"shift {len(words)}\n" if words else ""
    names = "".join(f"a{at}=${at}\n" for at in range(1, len(words) + 1))
    return ("/usr/bin/sh", "-c", f"{_FILL}{names}{shift}{script}", "sh", *words, *_parts(text))


def _parts(text: str) -> Iterator[str]:
    for at, part in enumerate(_RUN.split(text)):
        if at % 2:
            yield "0-9a-f" if ord(part[0]) >= _HEXADECIMAL else "A-Za-z0-9"
            yield str(len(part))
        else:
            yield part

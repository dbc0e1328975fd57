"""The ``%`` specifiers of a unit, as far as their values are known while an image is built."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_DIRECTORIES = {
    "t": "/run",
    "S": "/var/lib",
    "C": "/var/cache",
    "L": "/var/log",
    "E": "/etc",
    "T": "/tmp",  # noqa: S108 - the image's
    "V": "/var/tmp",  # noqa: S108 - the image's
}
"""Of the system's own units; ``T`` and ``V`` are what programs take without ``TMPDIR``."""
_LATER = {"H": "HOSTNAME", "l": "HOSTNAME", "m": "MACHINE_ID", "b": "BOOT_ID", "v": "KERNEL_RELEASE"}
"""What is known only where the service runs: the variable of the runtime that has it."""


@dataclass(frozen=True, slots=True)
class UnitName:
    """The parts of a unit's name, such as ``postgresql@17-main.service``."""

    full: str

    @property
    def kind(self) -> str:
        """``service``, ``socket``, ``timer``, ``target``, …"""
        return self.full.rpartition(".")[2]

    @property
    def stem(self) -> str:
        """Without the kind."""
        return self.full.rpartition(".")[0]

    @property
    def prefix(self) -> str:
        """What is before the ``@``."""
        return self.stem.partition("@")[0]

    @property
    def instance(self) -> str:
        """What follows the ``@``; empty without one."""
        return self.stem.partition("@")[2]

    @property
    def template(self) -> str | None:
        """The name of the file that all instances share; None if this is not an instance."""
        return f"{self.prefix}@.{self.kind}" if "@" in self.stem else None

    @classmethod
    def of(cls, text: str) -> UnitName:
        """Read a name that may lack its kind: then it is a service."""
        known = text.endswith((".service", ".socket", ".timer", ".target", ".path", ".mount", ".slice", ".device"))
        return cls(text if known else f"{text}.service")


@dataclass(frozen=True, slots=True)
class Owner:
    """The accounts that a unit runs as, for the specifiers that name them."""

    name: str = "root"
    uid: int = 0
    group: str = "root"
    gid: int = 0
    home: str = "/root"
    shell: str = "/bin/sh"


def unescape(text: str) -> str:
    """A part of a name as the path or text that it stands for (systemd-escape(1))."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text.replace("-", "/"))


def is_late(text: str) -> bool:
    """Whether it has a specifier that only the running system knows."""
    return any(letter in _LATER for letter in re.findall("%(.?)", text, flags=re.DOTALL))


def expand(text: str, name: UnitName, owner: Owner = Owner(), *, at_run_time: bool = False) -> str:
    """``text`` with its specifiers replaced; a ValueError for one that is not known here.

    What only the running system knows becomes a variable of the runtime, ``${SYSIMAGE_…}``, where ``at_run_time`` says
    that variables are replaced in this text.
    """

    def replacement(match: re.Match[str]) -> str:
        letter = match[1]
        if letter in known:
            return known[letter]
        if letter in _LATER and at_run_time:
            return f"${{SYSIMAGE_{_LATER[letter]}}}"
        raise ValueError(f"the specifier %{letter} is not known when an image is built")

    known = {
        "%": "%",
        "n": name.full,
        "N": name.stem,
        "p": name.prefix,
        "P": unescape(name.prefix),
        "i": name.instance,
        "I": unescape(name.instance),
        "f": "/" + unescape(name.instance or name.prefix).lstrip("/"),
        "j": name.prefix.rpartition("-")[2],
        "J": unescape(name.prefix.rpartition("-")[2]),
        "u": owner.name,
        "U": str(owner.uid),
        "g": owner.group,
        "G": str(owner.gid),
        "h": owner.home,
        "s": owner.shell,
        "d": f"/run/credentials/{name.full}",
        **_DIRECTORIES,
    }
    return re.sub("%(.?)", replacement, text, flags=re.DOTALL)

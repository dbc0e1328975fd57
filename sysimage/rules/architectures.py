"""Architectures that Linux images are for: what OCI, Guix, nixpkgs and Debian call them, and which ELF files they run.

OCI takes Go's names (GOARCH) with a variant; where Go has none, a name is Guix' and nixpkgs' own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ElfMachine:
    """Which processors an ELF file is for, as its header says it."""

    number: int
    """``e_machine``."""
    bits: int
    """32 or 64."""
    big: bool = False
    """Whether the most significant byte comes first."""

    def __str__(self) -> str:
        """The architecture's name, or the numbers of one that is not known."""
        name = next((name for name, one in ARCHITECTURES.items() if one.own == self), None)
        return name or f"ELF machine {self.number}, {self.bits} bits, {'big' if self.big else 'little'}-endian"


@dataclass(frozen=True, slots=True)
class Architecture:
    """One of them."""

    own: ElfMachine
    others: tuple[ElfMachine, ...] = ()
    """Whose programs it runs besides its own: those of the same family."""
    variant: str | None = None
    """The one that container engines assume where a platform has none."""

    def runs(self, machine: ElfMachine) -> bool:
        """Whether a program for that machine runs on this architecture without an emulator."""
        return machine == self.own or machine in self.others


_I386, _ARM, _MIPS, _MIPSLE, _PPC, _S390 = (
    ElfMachine(3, 32), ElfMachine(40, 32), ElfMachine(8, 32, True),
    ElfMachine(8, 32), ElfMachine(20, 32, True), ElfMachine(22, 32, True),
)  # fmt: skip
ARCHITECTURES: Mapping[str, Architecture] = {
    "386": Architecture(_I386),
    "amd64": Architecture(ElfMachine(62, 64), (_I386, ElfMachine(62, 32))),
    "arm": Architecture(_ARM, variant="v7"),
    "arm64": Architecture(ElfMachine(183, 64), (_ARM,), "v8"),
    "loong64": Architecture(ElfMachine(258, 64)),
    "m68k": Architecture(ElfMachine(4, 32, True)),
    "microblaze": Architecture(ElfMachine(189, 32, True)),
    "microblazeel": Architecture(ElfMachine(189, 32)),
    "mips": Architecture(_MIPS),
    "mipsle": Architecture(_MIPSLE),
    "mips64": Architecture(ElfMachine(8, 64, True), (_MIPS,)),
    "mips64le": Architecture(ElfMachine(8, 64), (_MIPSLE,)),
    "ppc": Architecture(_PPC),
    "ppc64": Architecture(ElfMachine(21, 64, True), (_PPC,)),
    "ppc64le": Architecture(ElfMachine(21, 64)),
    "riscv": Architecture(ElfMachine(243, 32)),
    "riscv64": Architecture(ElfMachine(243, 64)),
    "s390": Architecture(_S390),
    "s390x": Architecture(ElfMachine(22, 64, True), (_S390,)),
}
"""By OCI's name."""
ARCHITECTURE_ALIASES: Mapping[str, str] = {
    "aarch64": "arm64", "armel": "arm/v5", "armhf": "arm", "armv5tel": "arm/v5", "armv6l": "arm/v6", "armv7a": "arm",
    "armv7l": "arm", "i386": "386", "i586": "386", "i686": "386", "loongarch64": "loong64", "mips64el": "mips64le",
    "mipsel": "mipsle", "powerpc": "ppc", "powerpc64": "ppc64", "powerpc64le": "ppc64le", "ppc64el": "ppc64le",
    "riscv32": "riscv", "x86_64": "amd64",
}  # fmt: skip
"""What Guix, nixpkgs and Debian call them → what OCI does. The first two put ``-linux`` after every name."""
VARIANT = "[a-z0-9][a-z0-9.]{0,15}"
"""Of a name: ``v7``, ``power9``, ``rva22u64``."""
_NAME = re.compile(rf"([a-z0-9_]+)(?:/({VARIANT}))?(-linux)?")


def architecture_name(text: str) -> str:
    """The one name that an architecture has here: OCI's, with a variant if it is not the usual one: ``arm/v6``.

    ``text`` may be any name of it, such as ``armhf-linux`` or ``arm64/v8``. A ValueError for any other text.
    """
    match = _NAME.fullmatch(text)
    if match is None or (match[2] and (match[3] or match[1] not in ARCHITECTURES)):
        raise ValueError("not an architecture")
    name, _, variant = ARCHITECTURE_ALIASES.get(match[1], match[1]).partition("/")
    if name not in ARCHITECTURES:
        raise ValueError("not an architecture")
    variant = variant or match[2] or ""
    return f"{name}/{variant}" if variant not in ("", ARCHITECTURES[name].variant) else name

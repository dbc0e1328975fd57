"""``Condition…`` and ``Assert…``: decided here if all containers are alike, otherwise when the service starts."""

from __future__ import annotations

from dataclasses import dataclass

from sysimage_bootstrap.units.specifiers import UnitName, expand
from sysimage_bootstrap.units.unit_file import UnitFile

AT_START = {
    "PathExists": "exists",
    "PathExistsGlob": "glob",
    "PathIsDirectory": "directory",
    "PathIsSymbolicLink": "link",
    "PathIsReadWrite": "writable",
    "PathIsMountPoint": "mount-point",
    "DirectoryNotEmpty": "not-empty-directory",
    "FileNotEmpty": "not-empty",
    "FileIsExecutable": "executable",
    "Capability": "capability",
    "Environment": "environment",
}
"""Condition → the test that the service's start makes."""
_HOLDS_FOR = {
    "FirstBoot": ("no", "false", "0"),
    "Virtualization": ("container", "docker", "podman", "oci", "yes", "1", "true", "private-users"),
}
"""Condition → the values for which it holds in a container."""
_ALWAYS = {
    "ACPower": True,
    "User": True,
    "Group": True,
    "Host": True,
    "KernelVersion": True,
    "ControlGroupController": True,
    "Memory": True,
    "CPUs": True,
    "CPUFeature": True,
    "Architecture": True,
    "OSRelease": True,
    "MemoryPressure": True,
    "CPUPressure": True,
    "IOPressure": True,
    "KernelCommandLine": False,
    "Security": False,
    "NeedsUpdate": False,
    "KernelModuleLoaded": False,
    "PathIsEncrypted": False,
    "Credential": False,
    "Firmware": False,
}
"""What holds in a container, or is taken to: the image is for this system and no other."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that must hold for a service to start."""

    name: str
    """Of the directive."""
    test: str
    """One of `AT_START`, or ``always`` or ``never``."""
    value: str
    negated: bool
    alternative: bool
    """Whether one of the conditions of this kind is enough."""
    required: bool
    """Whether not starting is a failure."""


def read_conditions(unit: UnitFile, name: UnitName) -> tuple[Condition, ...]:
    """All of a unit; a ValueError for an unknown specifier."""
    found = []
    for section, key in unit.keys():  # noqa: SIM118 - not a mapping
        if section != "Unit" or not key.startswith(("Condition", "Assert")):
            continue
        kind = key.removeprefix("Condition").removeprefix("Assert")
        if kind not in (*AT_START, *_ALWAYS, *_HOLDS_FOR):
            continue
        for value in unit.values(section, key):
            rest = value.removeprefix("|")
            alternative, negated = rest != value, rest.startswith("!")
            rest = expand(rest.removeprefix("!").strip(), name)
            test = AT_START.get(kind) or ("always" if _holds(kind, rest) else "never")
            found.append(Condition(key, test, rest, negated, alternative, key.startswith("Assert")))
    return tuple(found)


def _holds(kind: str, value: str) -> bool:
    return value in _HOLDS_FOR[kind] if kind in _HOLDS_FOR else _ALWAYS[kind]

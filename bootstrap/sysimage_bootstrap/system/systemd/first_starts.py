"""One-shot units for what a system makes when it starts for the first time: clusters of databases, keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sysimage_bootstrap.debian.first_starts import FIRST_STARTS
from sysimage_bootstrap.scripts.declarations import FirstStartProgram
from sysimage_bootstrap.system.systemd.enablement import ETC
from sysimage_bootstrap.system.systemd.unit_text import command_line, plain, quoted, unit_text
from sysimage_bootstrap.units.specifiers import UnitName

_NOT_NEEDED = frozenset({"dbus.service"})
"""D-Bus takes the machine's ID, which systemd makes."""


def unit_first_starts(enabled: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Path and text of the units that run before those of the ``enabled`` units that need something made, and of the
    drop-ins that order them so."""
    names = [UnitName(name) for name in enabled]
    for one in FIRST_STARTS:
        template = UnitName(one.unit)
        if one.unit in _NOT_NEEDED or not any(one.unit in (name.full, name.template) for name in names):
            continue
        instance = "@%i" if template.template else ""
        first = f"{template.prefix}-first-start{'@' if instance else ''}.service"
        origin = f"what {template.full} needs before its first start"
        words = " ".join(_word(word) for word in one.command)
        yield (
            f"{ETC}/{first}",
            unit_text(
                origin,
                {
                    "Unit": [
                        ("Description", f"Make what {template.prefix} needs for its first start"),
                        ("ConditionPathExists", f"!{one.absent}"),
                    ],
                    "Service": [("Type", "oneshot"), ("ExecStart", f":{words}"), ("RemainAfterExit", "yes")],
                },
            ),
        )
        needed = f"{template.prefix}-first-start{instance}.service"
        yield (
            f"{ETC}/{template.full}.d/10-first-start.conf",
            unit_text(origin, {"Unit": [("Requires", needed), ("After", needed)]}),
        )


def _word(word: str) -> str:
    """A word of a command that has specifiers of its own."""
    return quoted(word).replace("%%", "%")


def script_first_starts(first_starts: Iterable[FirstStartProgram]) -> Iterator[tuple[str, str]]:
    """Path and text of a unit for each thing that a package's script would have made, before any service starts."""
    names: dict[str, list[str]] = {}
    for one in first_starts:
        before = names.setdefault(one.package, [])
        name = f"{one.package}-configure{f'-{len(before) + 1}' if before else ''}.service"
        text = unit_text(
            f"what the scripts of {one.package} make",
            {
                "Unit": [
                    ("Description", f"Make {plain(one.creates)}"),
                    ("ConditionPathExists", f"!{plain(one.creates)}"),
                    ("DefaultDependencies", "no"),
                    ("After", " ".join(["sysinit.target", *before[-1:]])),
                    ("Before", "basic.target shutdown.target"),
                    ("Conflicts", "shutdown.target"),
                ],
                "Service": [("Type", "oneshot"), ("ExecStart", command_line(one.command)), ("RemainAfterExit", "yes")],
                "Install": [("WantedBy", "basic.target")],
            },
        )
        before.append(name)
        yield f"{ETC}/{name}", text

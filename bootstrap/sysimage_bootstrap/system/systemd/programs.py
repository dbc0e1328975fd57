"""Programs that enabled units name and the image lacks: what is known to do the same, and what people must know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sysimage_bootstrap.system.service_commands import Exists
from sysimage_bootstrap.system.systemd.enablement import ETC
from sysimage_bootstrap.system.systemd.unit_text import unit_text
from sysimage_bootstrap.units.commands import Command, parse_commands
from sysimage_bootstrap.units.specifiers import Owner, UnitName
from sysimage_bootstrap.units.unit_file import UnitFile

_STOPPER = "/start-stop-daemon"
"""A part of dpkg, which no image has."""
_RETRY = re.compile(r"--retry[ =]([A-Z0-9]+)/")
_STARTS = ("ExecCondition", "ExecStartPre", "ExecStart", "ExecStartPost")


def signals_instead(units: Mapping[str, UnitFile], exists: Exists) -> Iterator[tuple[str, str]]:
    """Path and text of drop-ins by which systemd itself sends the signal that a unit stops its program with."""
    for full, unit in units.items():
        values = unit.values("Service", "ExecStop")
        for value in values:
            retry = _RETRY.search(value)
            (program, *_) = [one.words[0] for one in _commands(value, full)] or [""]
            if retry and program.endswith(_STOPPER) and not exists(program):
                name = UnitName(full)
                others = [("ExecStop", one) for one in values if one != value]
                signal = retry[1] if retry[1].isdecimal() else f"SIG{retry[1].removeprefix('SIG')}"
                sections = {"Service": [("ExecStop", ""), *others, ("KillSignal", signal)]}
                origin = f"{full} stops its program with start-stop-daemon, which the image lacks"
                yield f"{ETC}/{name.template or full}.d/10-kill-signal.conf", unit_text(origin, sections)
                break


def missing_programs(units: Mapping[str, UnitFile], exists: Exists) -> Iterator[tuple[str, str]]:
    """Unit and program, for each missing program that would make a start fail."""
    for full, unit in units.items():
        for key in _STARTS:
            for value in unit.values("Service", key):
                for command in _commands(value, full):
                    program = command.words[0]
                    if program.startswith("/") and not command.ignore_failure and not exists(program):
                        yield full, program


def _commands(value: str, full: str) -> list[Command]:
    try:
        return parse_commands(value, UnitName(full), Owner())
    except ValueError:  # systemd says it
        return []

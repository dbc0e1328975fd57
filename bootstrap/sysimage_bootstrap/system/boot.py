"""What boots a system: the boot program, an item of its own, and the texts in the system item that it leads to.

    [boot program, SYSTEM] → guile SYSTEM/boot → SYSTEM/activate → the Shepherd with SYSTEM/shepherd.conf

The first is run by the store's own ``env`` and shell and needs nothing but the store; the others run in one Guile, one
after the other. All are one process.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.characters import is_line
from sysimage.errors import IntegrityError, Issue
from sysimage.rootfs.tree import Entry, Kind
from sysimage.store.paths import StorePath
from sysimage_bootstrap.scripts.declarations import FirstStartProgram
from sysimage_bootstrap.store import Recipe
from sysimage_bootstrap.system.init_programs import BOOT, call_of, program_text
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.needed_programs import NeededPrograms
from sysimage_bootstrap.system.scheme import Datum, OwnPathText, Symbol, write

BOOT_PROGRAM_VERSION = 1
"""Part of the recipe: raised when the script changes in a way that its text does not show."""
_EPHEMERAL = ("/run/", "/tmp/", "/var/")  # noqa: S108 - the image's
"""Where a container may find an empty file system, or a volume, in place of the image's directories."""


@dataclass(frozen=True, slots=True)
class BootTools:
    """Programs that booting needs, by their place in the store, and the items they come from."""

    shell: str
    env: str
    guile: str
    programs: str
    """The item of the compiled `guile_programs`."""
    items: tuple[StorePath, ...]
    """Of the programs that the boot program itself runs."""


def boot_tools(packages: Iterable[Installed], programs: StorePath) -> BootTools:
    """Find the tools among the packages; a `SpecError` if one is left out."""
    needed = NeededPrograms(packages)
    needed.find("bin/shepherd", "shepherd")  # of which Guile loads the modules, from the profile
    return BootTools(
        shell=needed.find("bin/dash", "dash"),
        env=needed.find("bin/env", "coreutils"),
        guile=needed.find("bin/guile-3.0", "guile-3.0"),
        programs=str(programs),
        items=needed.items,
    )


def boot_program_recipe(tools: BootTools) -> Recipe:
    text = boot_program_text(tools)
    return Recipe("boot-program", "boot-program", tools.items, {"version": BOOT_PROGRAM_VERSION, "text": text})


def boot_program_text(tools: BootTools) -> str:
    """The script: its text is the same for every system with the same tools."""
    # Before the shell, which would handle no signal between two programs.
    blocking = f"{tools.env} -S --block-signal=HUP,INT,TERM {tools.shell}"
    return f"#!{blocking}\nguile={shlex.quote(tools.guile)}\n{program_text('boot-program.sh')}"


def boot_text(tools: BootTools, environment: Mapping[str, str]) -> OwnPathText:
    """``SYSTEM/boot``."""
    variables: Datum = tuple(f"{name}={value}" for name, value in environment.items())
    return OwnPathText(
        (
            f"#!{tools.guile} --no-auto-compile\n!#\n{call_of(BOOT, tools.programs, '(boot ')}",
            f"\n      '{write(variables, indent=7)})\n",
        )
    )


def activation_text(
    entries: Sequence[Entry],
    host_name: str | None,
    first_starts: Iterable[FirstStartProgram] = (),
) -> OwnPathText:
    """``SYSTEM/activate``: it makes those directories of the image's ``entries`` that a container may have covered,
    and runs each of ``first_starts`` where its file is not there yet."""
    covered = [entry for entry in entries if entry.kind is Kind.DIRECTORY and entry.path.startswith(_EPHEMERAL)]
    odd = [entry for entry in covered if not is_line(entry.path)]
    if odd:
        raise IntegrityError(
            "cannot make at each boot what a container may have covered: a name is not one line of text",
            issues=[Issue(repr(entry.path), f"from {entry.owner}") for entry in odd],
        )
    directories: list[Datum] = [(entry.path, entry.mode, entry.uid, entry.gid) for entry in covered]
    starts: list[Datum] = [(one.creates, *one.command) for one in first_starts]
    data: Datum = (
        (Symbol("directories"), *directories),
        *([(Symbol("first-starts"), *starts)] if starts else []),
        (Symbol("host-name"), *([host_name] if host_name else [])),
    )
    return OwnPathText((";;; What 'boot' has defined.\n(activate ", f"\n          '{write(data, 11)})\n"))


def write_executable(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)

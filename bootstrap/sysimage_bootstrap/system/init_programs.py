"""The fixed programs of the init: Guile texts beside this module that are the same in every system.

Those that one process loads one after the other are compiled as one program: each program that is loaded takes pages of
its own, and the first process of every container would have them.
"""

from __future__ import annotations

from importlib import resources

from sysimage_bootstrap.debs.guile import modules_in_source
from sysimage_bootstrap.system.scheme import write

BOOT = "boot"
"""What Guile loads before it becomes the Shepherd."""
RUNTIME = "runtime"
"""What the Shepherd loads."""
_PARTS = {
    BOOT: ("entries", "activate", "boot"),
    RUNTIME: ("entries", "processes", "readiness", "units", "service", "start", "stop", "timers", "runtime"),
}
"""Program → the texts that it consists of, in their order."""
READ = "shepherd.scm"
"""The text that the Shepherd reads first."""


def program_text(name: str) -> str:
    """The text of one of the fixed programs."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def guile_programs() -> dict[str, bytes]:
    """The fixed programs that are compiled, by name."""
    return {name: "\n".join(program_text(f"{part}.scm") for part in parts).encode() for name, parts in _PARTS.items()}


def imported_modules() -> frozenset[str]:
    """What in the fixed programs may name a module of Guile, as in ``ice-9/match``."""
    return frozenset().union(
        *(modules_in_source(text) for text in (*guile_programs().values(), program_text(READ).encode()))
    )


def call_of(name: str, programs: str, call: str) -> str:
    """A Scheme text that loads one of the compiled ``programs``, an item, and then makes the ``call``."""
    return f"(load-compiled {write(f'{programs}/{name}.go')})\n\n;;; This system.\n\n{call}"

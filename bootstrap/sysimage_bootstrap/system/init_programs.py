"""The fixed programs of the init: Guile texts beside this module that are the same in every system."""

from __future__ import annotations

from importlib import resources

from sysimage_bootstrap.debs.guile import modules_in_source
from sysimage_bootstrap.system.scheme import write

BOOT = ("entries", "boot")
"""What Guile loads before it becomes the Shepherd, in this order."""
ACTIVATION = ("entries", "activate")
RUNTIME = ("entries", "processes", "readiness", "units", "service", "start", "stop", "timers", "runtime")
"""What the Shepherd loads, in this order."""
_COMPILED = ("activate", "boot", *RUNTIME)
READ = "shepherd.scm"
"""What it reads before, as text."""


def program_text(name: str) -> str:
    """The text of one of the fixed programs."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def guile_programs() -> dict[str, bytes]:
    """The fixed programs that are compiled, by name."""
    return {name: program_text(f"{name}.scm").encode() for name in _COMPILED}


def imported_modules() -> frozenset[str]:
    """What in the fixed programs may name a module of Guile, as in ``ice-9/match``."""
    return frozenset().union(
        *(modules_in_source(text) for text in (*guile_programs().values(), program_text(READ).encode()))
    )


def call_of(names: tuple[str, ...], programs: str, call: str) -> str:
    """A Scheme text that loads some of the compiled ``programs``, an item, and then makes the ``call``."""
    loads = "\n".join(f"(load-compiled {write(f'{programs}/{name}.go')})" for name in names)
    return f"{loads}\n\n;;; This system.\n\n{call}"

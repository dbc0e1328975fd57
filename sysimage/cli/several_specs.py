"""Several specs in one command: each is taken as if it were the only one; those that are built are planned together."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from sysimage.errors import SpecError

_FOR_ONE = {
    "tags": "--tag",
    "push": "--push",
    "lockfile": "--lockfile",
    "previous": "--previous",
    "history": "--history",
    "report": "--report",
    "update": "--update",
}
"""Flags that are about one image."""


def each_spec(arguments: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """The arguments for each of the specs; ``beside`` are the others.

    A `SpecError` for flags that only one image can have.
    """
    names: list[str] = arguments.specs
    if len(names) > 1:
        _check(names, arguments)
    for name in names:
        others = [other for other in names if other != name]
        yield argparse.Namespace(**{**vars(arguments), "spec": name, "beside": others})


def _check(names: list[str], arguments: argparse.Namespace) -> None:
    for dest, flag in _FOR_ONE.items():
        if getattr(arguments, dest, None):
            raise SpecError(
                f"cannot use {flag} with several specs: it is about one image", hint="run the command for each of them"
            )
    output = getattr(arguments, "output", None)
    if output is not None and not (output.endswith("/") or Path(output).is_dir() or arguments.format == "oci-dir"):
        raise SpecError(
            f"cannot write several images to {output}: an archive holds one",
            hint="name a directory, which becomes an OCI layout of all of them; or leave --output out",
        )
    if "-" in names:
        raise SpecError("cannot read one of several specs from standard input: each is read more than once")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"cannot take {twice} twice in one command", hint="name each spec once")
    if getattr(arguments, "strategy", "sysimage") != "sysimage":
        raise SpecError(
            f"cannot plan systems together by {arguments.strategy}: the rule knows one system",
            hint="leave --strategy out, or build them one by one",
        )

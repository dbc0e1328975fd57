"""The interpreters of scripts, and the first line that names each by its store path."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass

from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.union_tree import PackagePath, UnionTree, in_usr

REWRITTEN = ("bin/", "sbin/", "libexec/", "games/", "lib/")
"""Where scripts are programs. Scripts in share are examples; scripts in etc belong to the administrator."""
_MODULES = ("lib/python",)
"""Where an executable bit means nothing: modules with a shebang, which would only tie libraries to interpreters."""


@dataclass(frozen=True, slots=True)
class Shebang:
    """A script's interpreter and the rest of its first line."""

    interpreter: PackagePath
    argument: str
    """The one argument that Linux passes on; may be empty."""

    def line(self, prefix: str) -> str:
        """The first line, where ``prefix`` is the store path of the interpreter's item."""
        return f"#!{prefix}/{self.interpreter.path}" + (f" {self.argument}" if self.argument else "")


def shebangs(inventory: Inventory, namespace: UnionTree, alternatives: Mapping[str, str]) -> dict[str, Shebang]:
    """Path of each script that is to be rewritten → its interpreter. Scripts of unknown interpreters stay as they
    are. ``alternatives`` are the links that Debian's alternatives make, and what each leads to."""
    found = {}
    for path, line in inventory.scripts.items():
        if path.startswith(REWRITTEN) and not path.startswith(_MODULES):
            shebang = _shebang(line, inventory.package, namespace, alternatives)
            if shebang is not None:
                found[path] = shebang
    return found


def _shebang(line: str, package: str, namespace: UnionTree, alternatives: Mapping[str, str]) -> Shebang | None:
    program, _, argument = line.strip().replace("\t", " ", 1).partition(" ")
    argument = argument.strip()
    if posixpath.basename(program) == "env":
        words = argument.split()
        if words[:1] == ["-S"]:
            words = words[1:]
            if len(words) > 2:  # Linux would pass the rest as one argument: env has to take it apart
                return None
        elif len(words) != 1:
            return None
        if not words or words[0].startswith("-") or "=" in words[0] or set(argument) & set("\"'\\$"):
            return None
        program = words[0] if "/" in words[0] else f"/usr/bin/{words[0]}"
        argument = " ".join(words[1:])
    if not program.startswith("/"):
        return None
    path = in_usr(program)
    interpreter = None if path is None else _interpreter(path, package, namespace, alternatives)
    return None if interpreter is None else Shebang(interpreter, argument)


def _interpreter(path: str, package: str, namespace: UnionTree, alternatives: Mapping[str, str]) -> PackagePath | None:
    found = namespace.find(path, package)
    if found is not None:
        return found
    chosen = alternatives.get(path)
    return None if chosen is None else namespace.find(chosen, package)

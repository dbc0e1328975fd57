"""The code that made a cached value, as a digest: over modules, all that they import, and data files beside them.

Imports are found by reading the source, so nothing is imported for it, and those inside functions count too. Libraries
count with their versions. The digest is part of the keys of caches and must never become part of an image or of a
store path: it changes with every change of the code.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PYTHON_PACKAGES = ("sysimage", "sysimage_bootstrap", "sysimage_vm")
"""The packages whose modules are followed."""
_DISTRIBUTIONS = {"elftools": "pyelftools", "testinfra": "pytest-testinfra", "_pytest": "pytest", "yaml": "pyyaml"}
"""Import name → name of the library that has it, where these differ."""
_DYNAMIC = ("import_module(", "__import__(")
_COMMENT = re.compile(r"#[^\n]*")
_PROGRAM = re.compile(r'"([^"\n/]+\.py)"')
_BUILT = re.compile(r"([\w.]+)-([^-]+)(?:-[^-]+)?\.(?:dist-info|egg-info)")


@dataclass(frozen=True, slots=True)
class CodeFiles:
    """What some code consists of."""

    files: Mapping[str, str]
    """The files of modules, and those beside them that are data or programs of their own: name → path."""
    libraries: frozenset[str]
    """Import names of libraries, which belong neither to sysimage nor to Python."""


def code_digest(*makers: Callable[..., Any] | type | str) -> str:
    """64 hexadecimal digits that stand for the code of functions or classes and for everything that it may use.

    A text is the name of their module, which then need not be loaded.
    """
    return _digest_of(frozenset(one if isinstance(one, str) else one.__module__ for one in makers))


@functools.cache
def _digest_of(modules: frozenset[str]) -> str:
    made = _installed().follow(modules)
    state = hashlib.sha256(f"{sys.implementation.cache_tag}\n".encode())
    for name in sorted(made.libraries):
        state.update(f"{name} {library_version(name)}\n".encode())
    for name, path in sorted(made.files.items()):
        state.update(f"{name} {_file_digest(path)}\n".encode())
    return state.hexdigest()


@functools.cache
def _installed() -> Packages:
    specs = ((name, importlib.util.find_spec(name)) for name in PYTHON_PACKAGES)
    return Packages({name: Path(spec.origin).parent for name, spec in specs if spec and spec.origin})


class Packages:
    """Packages by name, with the directories that they are in."""

    def __init__(self, directories: Mapping[str, str | os.PathLike[str]]) -> None:
        self._tops = frozenset(directories)
        self._modules: dict[str, str] = {}
        """Name → path."""
        self._data: dict[str, dict[str, str]] = {}
        """Directory → name → path, of the files in it that are not modules."""
        self._programs: dict[str, dict[str, str]] = {}
        """Directory → name → path, of the modules in it, which may be programs of their own."""
        for name, directory in directories.items():
            self._list(name, os.fspath(directory))

    def _list(self, package: str, directory: str) -> None:
        data = self._data[directory] = {}
        programs = self._programs[directory] = {}
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__pycache__":
                    continue
                if entry.is_dir():
                    self._list(f"{package}.{entry.name}", entry.path)
                elif entry.name.endswith(".py"):
                    stem = entry.name.removesuffix(".py")
                    self._modules[package if stem == "__init__" else f"{package}.{stem}"] = entry.path
                    programs[f"{package}/{entry.name}"] = entry.path
                else:
                    data[f"{package}/{entry.name}"] = entry.path

    @property
    def modules(self) -> Mapping[str, str]:
        """The names of all modules and their paths."""
        return self._modules

    def follow(self, modules: Iterable[str]) -> CodeFiles:
        """What ``modules`` lead to; one that is not there is a `ModuleNotFoundError`."""
        files: dict[str, str] = {}
        libraries: set[str] = set()
        waiting, seen = list(modules), set[str]()
        for name in waiting:
            if name not in self._modules:
                raise ModuleNotFoundError(f"no module {name}", name=name)
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            top, _, below = name.partition(".")
            if top not in self._tops:
                if top not in sys.stdlib_module_names:
                    libraries.add(top)
                continue
            path = self._modules.get(name)
            if path is None:  # a name that a module defines
                continue
            if below:
                waiting.append(name.rpartition(".")[0])
            files[name] = path
            said = _said(path)
            waiting += said.imports
            directory = path.rpartition(os.sep)[0]
            files.update(self._data[directory])
            if said.programs:
                beside = self._programs[directory].items()
                files.update((name, path) for name, path in beside if os.path.basename(path) in said.programs)  # noqa: PTH119
            if said.loads_by_name:
                waiting += (other for other in self._modules if other.rpartition(".")[0] == name)
        return CodeFiles(files, frozenset(libraries))


def imports_in(text: str) -> tuple[str, ...]:
    """The full names of the modules that a module's text imports, anywhere in it, and of what may be modules.

    Read without parsing it, which would take longer than many a build. Docstrings may add names that do not exist.
    """
    found: list[str] = []
    text += "\n"
    at = text.find("import ")
    while at >= 0:
        line = text.rfind("\n", None, at) + 1
        before = text[line:at].split()
        names = text[at + len("import ") : text.index("\n", at)]
        if names.startswith("("):
            indent = text[line:at].partition("from")[0]
            names = _COMMENT.sub("", text[at : text.find(f"\n{indent})", at)]).partition("(")[2]
        listed = [part.split()[0] for part in names.partition("#")[0].split(",") if part and not part.isspace()]
        if not before:
            found += listed
        elif before[0] == "from" and len(before) == 2:
            found += [before[1], *(f"{before[1]}.{name}" for name in listed)]
        at = text.find("import ", at + len("import "))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Said:
    """What a module's text says of other files."""

    imports: tuple[str, ...]
    programs: frozenset[str]
    """File names in quotes that may be programs beside it."""
    loads_by_name: bool


@functools.cache
def _said(path: str) -> _Said:
    text = _data(path).decode()
    programs = frozenset(_PROGRAM.findall(text)) if '.py"' in text else frozenset()
    return _Said(tuple(dict.fromkeys(imports_in(text))), programs, any(call in text for call in _DYNAMIC))


def library_version(module: str) -> str:
    """The version of the installed library that has a module, by the name of its metadata's directory; empty if it is
    not installed, as those that only the tests of a running image need."""
    return _built().get(_DISTRIBUTIONS.get(module, module).replace("-", "_").lower(), "")


@functools.cache
def _built() -> dict[str, str]:
    found: dict[str, str] = {}
    for directory in sys.path:
        try:
            with os.scandir(directory or ".") as entries:
                names = sorted(entry.name for entry in entries if entry.name.endswith("-info"))
        except OSError:
            continue
        for match in filter(None, map(_BUILT.fullmatch, names)):
            found.setdefault(match[1].replace("-", "_").replace(".", "_").lower(), match[2])
    return found


@functools.cache
def _data(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


@functools.cache
def _file_digest(path: str) -> str:
    return hashlib.sha256(_data(path)).hexdigest()

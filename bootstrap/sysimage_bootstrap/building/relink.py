"""Relinking of ELF files by patchelf, and the check of what came out, from its bytes alone."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from sysimage.process import ProcessFailedError, spawn
from sysimage_bootstrap.debian.architectures import ElfTarget
from sysimage_bootstrap.debs.elf import ElfError, read_elf


def rewrite(program: Path, files: Sequence[Path], interpreter: str | None, runpath: Sequence[str]) -> None:
    """Give all ``files`` the same interpreter and RUNPATH, in place."""
    argv = [program, *(("--set-interpreter", interpreter) if interpreter else ())]
    argv += ["--set-rpath", ":".join(runpath), *files]
    child = spawn(argv, stdin=-3, stdout=-3, stderr=-1, brief=True)
    _, complaints = child.communicate()
    if child.returncode:
        raise ProcessFailedError([str(word) for word in argv], child.returncode, complaints)


def check(
    file: Path,
    origin: str,
    places: Mapping[str, Path],
    interpreter: str | None,
    target: ElfTarget,
    missing: Collection[str] = (),
) -> list[str]:
    """What is wrong with a rewritten file: nothing, if everything it needs is found in the store.

    ``places`` maps the store paths it may refer to, to where these are on this machine; ``origin`` is the directory
    that the file will be in; ``missing`` are libraries that are known to be nowhere. What closes a circle of packages
    is looked for below ``/usr`` instead, which no store has. Only the bytes on the disk count, not what was planned.
    """
    try:
        elf = read_elf(file)
    except ElfError as error:
        return [f"cannot be read after rewriting: {error}"]
    if elf is None or elf.machine != target.machine:
        return ["is no longer an ELF file of its architecture"]
    faults = list(elf.faults())
    if elf.interpreter != interpreter:
        faults.append(f"has the interpreter {elf.interpreter}, not {interpreter}")
    if elf.interpreter is not None and not _is_left_to_usr(elf.interpreter) and not _file_at(elf.interpreter, places):
        faults.append(f"has an interpreter that is not in the store: {elf.interpreter}")
    directories = [entry.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for entry in elf.runpath]
    for name in elf.needed if not any(map(_is_left_to_usr, directories)) else ():
        if name not in missing and not any(_file_at(f"{directory}/{name}", places) for directory in directories):
            faults.append(f"does not find {name} in the store")
    return faults


def _is_left_to_usr(path: str) -> bool:
    return path.startswith("/usr/")


def _file_at(path: str, places: Mapping[str, Path]) -> Path | None:
    """The file on this machine that a path in the store names, links of the store followed; None without a file."""
    for _ in range(40):
        path = posixpath.normpath(path)
        item = next((prefix for prefix in _prefixes(path) if prefix in places), None)
        if item is None:
            return None
        file = places[item] / path[len(item) + 1 :]
        if not file.is_symlink():
            return file if file.is_file() else None
        path = posixpath.join(posixpath.dirname(path), str(file.readlink()))
    return None


def _prefixes(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(len(parts), 1, -1)]

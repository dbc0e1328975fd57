"""Packages made of this machine's own programs and libraries, so that real ELF files can be linked and run in tests."""

from __future__ import annotations

import posixpath
import sys
import sysconfig
from pathlib import Path

from sysimage.process import find, run
from sysimage_bootstrap.archive import native_architecture
from sysimage_bootstrap.archive.package import Package
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.elf import Elf, read_elf
from tests.bootstrap.debs.made_debs import Member, Shelf, control, directory, program, symlink

TRIPLET = ELF_TARGETS[native_architecture()].triplet
LIBRARIES = [Path("/lib", TRIPLET), Path("/usr/lib", TRIPLET), Path("/lib"), Path("/usr/lib"), Path("/lib64")]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def elf_of(path: Path) -> Elf:
    elf = read_elf(path.resolve())
    if elf is None:
        raise LookupError(f"{path} is not dynamically linked")
    return elf


def find_library(name: str, *more: Path) -> Path:
    return next(folder / name for folder in (*more, *LIBRARIES) if (folder / name).exists())


def libraries_of(path: Path, *more: Path) -> dict[str, Path]:
    """Every library that a program of this machine is linked with, by name."""
    found: dict[str, Path] = {}
    waiting = [path]
    while waiting:
        for name in elf_of(waiting.pop()).needed:
            if name not in found:
                found[name] = find_library(name, *more)
                waiting.append(found[name])
    return found


def add_c_library(shelf: Shelf, *programs: Path) -> Package:
    """A libc6 that holds all that the programs need, and the dynamic linker, each under a versioned name and a link."""
    members = [directory("./usr/"), directory("./usr/lib/"), directory(f"./usr/lib/{TRIPLET}/")]
    python_libraries = Path(sysconfig.get_config_var("LIBDIR"))
    libraries = {name: path for p in programs for name, path in libraries_of(p, python_libraries).items()}
    for path in programs:
        interpreter = elf_of(path).interpreter or ""
        libraries[posixpath.basename(interpreter)] = Path(interpreter)
    for name, path in sorted(libraries.items()):
        if name.startswith(("libc.so", "ld-")):
            members.append(program(f"./usr/lib/{TRIPLET}/{name}", path.read_bytes()))
        else:
            members.append(Member(f"./usr/lib/{TRIPLET}/{name}.real", path.read_bytes()))
            members.append(symlink(f"./usr/lib/{TRIPLET}/{name}", f"{name}.real"))
    return add(shelf, "libc6", members)


def add_python(shelf: Shelf) -> Package:
    """This machine's Python, with as much of its library as compiling takes."""
    library = Path(sysconfig.get_path("stdlib"))
    question = (
        "import importlib.util, sys; print(*(getattr(m, '__file__', '') for m in sys.modules.values()), sep='\\n')"
    )
    loaded = run([this_python(), "-I", "-S", "-X", "frozen_modules=off", "-c", question]).stdout.decode().split("\n")
    loaded += map(str, (library / "encodings").glob("[_alu]*.py"))
    members = [program(f"./usr/bin/python{PYTHON}", this_python().read_bytes())]
    for path in sorted({Path(name) for name in loaded if name.startswith(f"{library}/") and name.endswith(".py")}):
        members.append(Member(f"./usr/lib/python{PYTHON}/{path.relative_to(library)}", path.read_bytes()))
    return add(shelf, f"python{PYTHON}-minimal", members, depends="libc6")


def this_python() -> Path:
    return Path(sys.executable).resolve()


def add_shell(shelf: Shelf) -> Package:
    members = [program("./usr/bin/dash", find("dash").resolve().read_bytes()), symlink("./usr/bin/sh", "dash")]
    return add(shelf, "dash", members, depends="libc6")


def add(shelf: Shelf, name: str, members: list[Member], **more: str) -> Package:
    here = native_architecture()
    text = control(name, architecture=here)
    return shelf.add(name, members, compression="", control_text=text, architecture=here, **more)

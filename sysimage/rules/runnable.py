"""Whether a command can start: its program is there, is executable, and so is what runs it in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sysimage.rules.architectures import ARCHITECTURES
from sysimage.rules.files import MADE_AT_BOOT, FileKind, Files, ResolvedPath, UnresolvedPath, resolve_path
from sysimage.rules.finding import escaped
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.rules.programs import ProgramFormat

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where engines look for a program when the image says no PATH."""
_MOST_INTERPRETERS = 5
"""Scripts that run scripts, as deep as the kernel goes."""
_EXECUTABLE = 'say "mode": "0755" for the file, or make its source executable'
_NOT_IN = "say a program that the image has, or add the package or file that has it"


@dataclass(frozen=True, slots=True)
class StartFailure:
    """Why a command cannot start."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class ProgramEnvironment:
    """What a command starts in."""

    files: Files
    search: str = SEARCH_PATH
    """Where a program without a slash is looked for."""
    path: str | None = None
    """PATH, which a program sees; None where it is the same."""
    directory: str = "/"
    """The working directory."""
    volumes: tuple[str, ...] = ()
    """What is in them is known only when the container runs."""
    architecture: str | None = None
    """As Go calls it; None where it does not matter."""
    first: bool = False
    """Whether this starts before anything else: /run and similar directories are empty except for what links
    promise."""
    shell_helps: bool = False
    """Whether a file that the kernel does not know is given to a shell, as execvp(3) does."""

    def unknown(self, lost: UnresolvedPath) -> bool:
        """Whether what is missing may be there when the container runs."""
        volumes = [self._place(volume) for volume in self.volumes]
        if lost.is_below(volumes):
            return True
        return lost.is_below(MADE_AT_BOOT) and (lost.through_link or not self.first)

    def _place(self, path: str) -> Parts:
        found = resolve_path(self.files, path.encode("utf-8", "surrogateescape"))
        return found.parts if isinstance(found, ResolvedPath) else as_parts(path)


def start_failure(command: Sequence[str], around: ProgramEnvironment) -> StartFailure | None:
    """Why the command cannot start, or None: it can, or what it needs is known only when the container runs."""
    program = command[0] if command else ""
    if not program:
        return StartFailure("names no program", _NOT_IN)
    broken: StartFailure | None = None
    for candidate in _candidates(program, around):
        found = _follow(candidate, around)
        if isinstance(found, UnresolvedPath):
            if around.unknown(found):
                return None
            if "/" in program:
                above, _, name = program.rpartition("/")
                return StartFailure(f"{_lost(program, found)}{_meant(name, [above or '/'], around)}", _NOT_IN)
            if found.through_link and broken is None and _is_there(candidate, around):
                broken = StartFailure(f"is {escaped(program)}, but {found.why}", _NOT_IN)
            continue
        trouble = _not_executable(found, f"is {escaped(program)}, but ")
        if trouble is None:
            return _unstartable(found, around, 0)
        broken = broken or trouble
    return broken or StartFailure(
        f"is {escaped(program)}, which is not in the image's {escaped(around.search) or 'PATH, which is empty'}"
        f"{_meant(program, around.search.split(':'), around)}",
        f"{_NOT_IN}; `sysimage which {escaped(program)}` names the package",
    )


def _meant(program: str, directories: Sequence[str], around: ProgramEnvironment) -> str:
    """A hint with the program of the image with the closest name; empty without a close one."""
    import difflib  # imported late: not needed if nothing is wrong

    found = [_follow(directory or ".", around) for directory in directories]
    names = {
        name.decode("utf-8", "replace")
        for one in found
        if isinstance(one, ResolvedPath) and one.seen.kind is FileKind.DIRECTORY
        for name in around.files.names(one.parts)
    }
    if program in names:
        return ""  # what is meant is there, and leads nowhere
    near = difflib.get_close_matches(program, names)
    return f" (did you mean {escaped(near[0])}?)" if near else ""


def _lost(program: str, found: UnresolvedPath) -> str:
    if found.plainly:
        return f"is {escaped(program)}, which is not in the image"
    return f"is {escaped(program)}, but {found.why}"


def _candidates(program: str, around: ProgramEnvironment) -> list[str]:
    if "/" in program:
        return [program]
    return [f"{directory or '.'}/{program}" for directory in around.search.split(":")]


def _follow(path: str, around: ProgramEnvironment) -> ResolvedPath | UnresolvedPath:
    start = resolve_path(around.files, around.directory.encode("utf-8", "surrogateescape"))
    above = start.parts if isinstance(start, ResolvedPath) else as_parts(around.directory)
    return resolve_path(around.files, path.encode("utf-8", "surrogateescape"), above)


def _is_there(path: str, around: ProgramEnvironment) -> bool:
    """Whether a link is at the path, whatever it leads to."""
    above = _follow(path.rpartition("/")[0], around)
    name = path.rpartition("/")[2].encode("utf-8", "surrogateescape")
    return isinstance(above, ResolvedPath) and around.files.at((*above.parts, name)) is not None


def _not_executable(found: ResolvedPath, words: str) -> StartFailure | None:
    where = escaped(as_path(found.parts))
    if found.seen.kind is not FileKind.FILE:
        return StartFailure(f"{words}{where} is a {found.seen.kind.value}, not a program", _NOT_IN)
    if not found.seen.mode & 0o111:
        return StartFailure(f"{words}{where} is not executable (its mode is {found.seen.mode:04o})", _EXECUTABLE)
    return None


def _unstartable(found: ResolvedPath, around: ProgramEnvironment, depth: int) -> StartFailure | None:
    """Why the kernel would not run an executable file."""
    where, program = escaped(as_path(found.parts)), found.seen.program()
    if depth > _MOST_INTERPRETERS:
        return StartFailure(f"is a script whose interpreters lead in circles: {where}", _NOT_IN)
    match program.format:
        case ProgramFormat.UNKNOWN:
            return None
        case ProgramFormat.OTHER:
            if around.shell_helps:
                return None
            return StartFailure(
                f"is {where}, which the kernel cannot run: it is neither an ELF file nor begins with #!",
                "begin a script with #! and its interpreter, such as #!/bin/sh",
            )
        case ProgramFormat.ELF:
            ours = ARCHITECTURES.get(around.architecture or "")
            if ours is not None and program.machine is not None and not ours.runs(program.machine):
                return StartFailure(
                    f"is {where}, which is for {program.machine}, and the image for {around.architecture}",
                    'take the file for the image\'s architecture, or say another "architecture"',
                )
            if not program.interpreter:
                return None
            return _check_loader(where, program.interpreter, around)
    if not program.interpreter:
        return StartFailure(f"is {where}, a script whose first line names no interpreter", "write such as #!/bin/sh")
    if program.interpreter.endswith(b"\r") or program.argument.endswith(b"\r"):
        return StartFailure(
            f"is {where}, a script whose first line ends with a carriage return: it asks for "
            f"{escaped(program.interpreter + (b' ' + program.argument if program.argument else b''))}",
            "save the script with Unix line ends",
        )
    trouble = _check_interpreter(where, program.interpreter, around, depth)
    if trouble is None and program.interpreter.rpartition(b"/")[2] == b"env":
        return _check_env(where, program.argument, around)
    return trouble


def _check_interpreter(where: str, name: bytes, around: ProgramEnvironment, depth: int) -> StartFailure | None:
    """Why the interpreter of a script would not run, which may be a script itself."""
    found = _named_in(name, f"is {where}, a script for", around, "name an interpreter that the image has")
    return _unstartable(found, around, depth + 1) if isinstance(found, ResolvedPath) else found


def _check_loader(where: str, name: bytes, around: ProgramEnvironment) -> StartFailure | None:
    """Why the kernel would not map the loader of an ELF file.

    It is not counted as an interpreter, and the loader that it may name itself is not used.
    """
    hint = "add the C library that it was linked with, or link it statically"
    found = _named_in(name, f"is {where}, which needs the loader", around, hint)
    if not isinstance(found, ResolvedPath):
        return found
    if found.seen.program().format in {ProgramFormat.ELF, ProgramFormat.UNKNOWN}:
        return None
    return StartFailure(f"is {where}, which needs the loader {escaped(name)}, but that is not an ELF file", hint)


def _named_in(name: bytes, words: str, around: ProgramEnvironment, hint: str) -> ResolvedPath | StartFailure | None:
    """The executable file that a program names, or the failure, or None where that is known only at run time."""
    leads = _follow(name.decode("utf-8", "surrogateescape"), around)
    if isinstance(leads, UnresolvedPath):
        if around.unknown(leads):
            return None
        why = "is not in the image" if leads.plainly else f"leads nowhere: {leads.why}"
        return StartFailure(f"{words} {escaped(name)}, which {why}", hint)
    return _not_executable(leads, f"{words} {escaped(name)}, but ") or leads


def _check_env(where: str, argument: bytes, around: ProgramEnvironment) -> StartFailure | None:
    """``#!/usr/bin/env foo``: foo is looked for in PATH. Options and assignments come before it only with -S."""
    words = argument.decode("utf-8", "surrogateescape").split()
    splits = bool(words) and words[0].startswith(("-S", "--split-string", "-vS", "-iS"))
    if splits:
        first = words[0].removeprefix("--split-string=").removeprefix("-S")
        words = ([first] if first not in ("", words[0]) else []) + words[1:]
        while words and "=" in words[0] and not words[0].startswith("-"):
            if words[0].startswith("PATH="):
                return None
            del words[0]
    if not words or words[0].startswith("-") or "\\" in words[0] or "$" in words[0]:
        return None
    program = words[0] if splits else argument.decode("utf-8", "surrogateescape")
    if "=" in program:
        return None
    seen = around.search if around.path is None else around.path
    trouble = start_failure((program,), replace(around, search=seen, shell_helps=True))
    if trouble is None:
        return None
    return StartFailure(
        f"is {where}, a script that env runs by a program that {trouble.message}",
        "add the interpreter to the image, or its directory to PATH",
    )

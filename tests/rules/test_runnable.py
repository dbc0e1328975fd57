"""What can start: the rules say the same as the kernel, and what only the running container knows is left open."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sysimage.rules.files import FileInfo, FileKind, ResolvedPath, UnresolvedPath, resolve_path
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.rules.programs import Program, ProgramFormat, read_program
from sysimage.rules.runnable import ProgramEnvironment, StartFailure, start_failure
from tests.support.store_builder import static_elf


class Files:
    """Files by path: bytes are an executable file, a pair its mode too, text is a link, None a directory, of which
    ``modes`` has those that are not 0755."""

    def __init__(
        self, content: Mapping[str, bytes | tuple[int, bytes] | str | None], modes: Mapping[str, int] = {}
    ) -> None:
        self._seen: dict[Parts, FileInfo] = {}
        for path, what in content.items():
            parts = as_parts(path)
            for depth in range(len(parts)):
                self._seen.setdefault(parts[:depth], FileInfo(FileKind.DIRECTORY, 0o755))
            if what is None:
                self._seen[parts] = FileInfo(FileKind.DIRECTORY, modes.get(path, 0o755))
            elif isinstance(what, str):
                self._seen[parts] = FileInfo(FileKind.SYMLINK, 0o777, what.encode())
            else:
                mode, text = what if isinstance(what, tuple) else (0o755, what)
                self._seen[parts] = FileInfo(FileKind.FILE, mode, program=partial(_program, text))

    def at(self, parts: Parts) -> FileInfo | None:
        return self._seen.get(parts)

    def names(self, parts: Parts) -> Iterable[bytes]:
        return {one[len(parts)] for one in self._seen if len(one) > len(parts) and one[: len(parts)] == parts}


class One:
    """A file, whatever its path."""

    def __init__(self, seen: FileInfo) -> None:
        self._seen = seen

    def at(self, parts: Parts) -> FileInfo | None:
        return self._seen if parts else FileInfo(FileKind.DIRECTORY, 0o755)

    def names(self, parts: Parts) -> Iterable[bytes]:
        return ()


def _program(text: bytes) -> Program:
    return read_program(lambda at, size: text[at : at + size])


class Machine:
    """The files of this machine."""

    def at(self, parts: Parts) -> FileInfo | None:
        path = Path(as_path(parts))
        if not os.path.lexists(path):
            return None
        status = path.lstat()
        if path.is_symlink():
            return FileInfo(FileKind.SYMLINK, 0o777, os.fsencode(os.readlink(path)))  # noqa: PTH115 - pathlib drops dots
        if path.is_dir():
            return FileInfo(FileKind.DIRECTORY, status.st_mode & 0o7777)
        return FileInfo(FileKind.FILE, status.st_mode & 0o7777, program=lambda: _program(path.read_bytes()))

    def names(self, parts: Parts) -> Iterable[bytes]:
        return os.listdir(os.fsencode(as_path(parts)))  # noqa: PTH208


ELF = static_elf()
SYSTEM: dict[str, bytes | tuple[int, bytes] | str | None] = {
    "/usr/bin/sh": ELF,
    "/usr/bin/env": ELF,
    "/bin": "usr/bin",
    "/etc/passwd": (0o644, b"root"),
    "/srv/loop": "loop",
    "/srv/gone": "/nowhere",
    "/srv/run": "/run/late",
    "/srv/script": b"#!/bin/sh\n",
    "/srv/plain": (0o644, b"#!/bin/sh\n"),
    "/srv/crlf": b"#!/bin/sh\r\n",
    "/srv/crlf-argument": b"#!/bin/sh -e\r\n",
    "/srv/relative": b"#!bin/sh\n",
    "/srv/none": b"#! \n",
    "/srv/lost": b"#!/opt/lost -x\n",
    "/srv/directory": b"#!/etc\n",
    "/srv/text": b"#!/etc/passwd\n",
    "/srv/words": b"echo hello\n",
    "/srv/empty": b"",
    "/srv/env": b"#!/usr/bin/env python3 \n",
    "/srv/env-sh": b"#!/usr/bin/env sh\n",
    "/srv/env-split": b"#!/usr/bin/env -S A=1 python3 -u\n",
    "/srv/env-joined": b"#!/usr/bin/env -Spython3 -u\n",
    "/srv/env-joined-long": b"#!/usr/bin/env --split-string=A=1 python3 -u\n",
    "/srv/env-options": b"#!/usr/bin/env -i sh\n",
    "/srv/env-alone": b"#!/usr/bin/env -S python3\n",
    "/srv/env-two": b"#!/usr/bin/env -S A=1 B=2 python3\n",
    "/srv/env-path": b"#!/usr/bin/env -S PATH=/opt python3\n",
    "/srv/env-nothing": b"#!/usr/bin/env\n",
    "/srv/env-assigns": b"#!/usr/bin/env A=1\n",
    "/srv/env-assigns-only": b"#!/usr/bin/env -S A=1\n",
    "/srv/env-variable": b"#!/usr/bin/env -S ${SHELL}\n",
    "/srv/env-escape": b"#!/usr/bin/env -S a\\\\_b\n",
    "/srv/env-after": b"#!/usr/bin/env -S -i python3\n",
    "/usr/bin/lines": b"echo hello\n",
    "/srv/env-lines": b"#!/usr/bin/env lines\n",
    "/srv/env-verbose": b"#!/usr/bin/env -vS python3 -u\n",
    "/srv/env-split-nothing": b"#!/usr/bin/env -S\n",
    "/srv/env-words": b"#!/usr/bin/env -S sh -e\n",
    "/srv/to-env": b"#!/srv/env\n",
    "/srv/to-gone": b"#!/srv/gone\n",
    "/srv/to-run": b"#!/srv/run\n",
    "/srv/itself": b"#!/srv/itself\n",
    "/srv/arm": static_elf(183),
}


@pytest.mark.parametrize(
    "program",
    [
        "/usr/bin/sh",
        "/bin/sh",
        "sh",
        "bin/sh",
        "./bin/sh",
        "/bin/../bin/.//sh",
        "/srv/script",
        "/srv/env-sh",
        "/srv/relative",
        "/srv/run",
        "/data/app",
        "/srv/env-options",
        "/srv/env-path",
        "/srv/env-nothing",
        "/srv/env-assigns",
        "/srv/env-assigns-only",
        "/srv/env-variable",
        "/srv/env-escape",
        "/srv/env-after",
        "/srv/env-words",
        "/srv/env-split-nothing",
        "/srv/env-lines",
        "/srv/to-run",
    ],
)
def test_a_program_that_is_there_starts(program: str) -> None:
    assert start_failure((program, "x"), ProgramEnvironment(Files(SYSTEM), volumes=("/data",), first=True)) is None


USUAL = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ADD = "say a program that the image has, or add the package or file that has it"
EXECUTABLE = 'say "mode": "0755" for the file, or make its source executable'
BEGIN = "begin a script with #! and its interpreter, such as #!/bin/sh"
UNIX = "save the script with Unix line ends"
FAILURES = [
    ("", "names no program", ADD),
    ("/opt/x", "is /opt/x, which is not in the image", ADD),
    ("/tmp/x", "is /tmp/x, which is not in the image", ADD),
    ("perl", f"is perl, which is not in the image's {USUAL}", f"{ADD}; `sysimage which perl` names the package"),
    (
        "emv",
        f"is emv, which is not in the image's {USUAL} (did you mean env?)",
        f"{ADD}; `sysimage which emv` names the package",
    ),
    ("/usr/bin/emv", "is /usr/bin/emv, which is not in the image (did you mean env?)", ADD),
    ("bin/emv", "is bin/emv, but /usr/bin/emv is not in the image (did you mean env?)", ADD),
    ("/ets", "is /ets, which is not in the image (did you mean etc?)", ADD),
    ("/usr/bin/env/ens", "is /usr/bin/env/ens, but /usr/bin/env is a file, no directory", ADD),
    ("/etc", "is /etc, but /etc is a directory, not a program", ADD),
    ("/bin/sh/", "is /bin/sh/, but /usr/bin/sh is a file, no directory", ADD),
    ("/etc/passwd/x", "is /etc/passwd/x, but /etc/passwd is a file, no directory", ADD),
    ("/srv/loop", "is /srv/loop, but links lead in circles at /srv/loop", ADD),
    ("/srv/gone", "is /srv/gone, but /srv/gone is a link to /nowhere, which is not in the image", ADD),
    ("/srv/plain", "is /srv/plain, but /srv/plain is not executable (its mode is 0644)", EXECUTABLE),
    ("/srv/crlf", f"is /srv/crlf, {(CRLF := 'a script whose first line ends with a carriage return: it asks for')} "
        "/bin/sh\\r", UNIX),
    ("/srv/crlf-argument", f"is /srv/crlf-argument, {CRLF} /bin/sh -e\\r", UNIX),
    ("/srv/none", "is /srv/none, a script whose first line names no interpreter", "write such as #!/bin/sh"),
    (
        "/srv/lost",
        "is /srv/lost, a script for /opt/lost, which is not in the image",
        "name an interpreter that the image has",
    ),
    (
        "/srv/to-gone",
        "is /srv/to-gone, a script for /srv/gone, which leads nowhere: /srv/gone is a link to /nowhere, which is not "
        "in the image",
        "name an interpreter that the image has",
    ),
    ("/srv/directory", "is /srv/directory, a script for /etc, but /etc is a directory, not a program", ADD),
    (
        "/srv/text",
        "is /srv/text, a script for /etc/passwd, but /etc/passwd is not executable (its mode is 0644)",
        EXECUTABLE,
    ),
    *(
        (path, f"is {path}, which the kernel cannot run: it is neither an ELF file nor begins with #!", BEGIN)
        for path in ("/srv/words", "/srv/empty")
    ),
    *(
        (
            path,
            f"is {path}, a script that env runs by a program that is python3, which is not in the image's {USUAL}",
            "add the interpreter to the image, or its directory to PATH",
        )
        for path in (
            *("/srv/env", "/srv/env-split", "/srv/env-joined", "/srv/env-joined-long", "/srv/env-alone"),
            "/srv/env-two",
            "/srv/env-verbose",
        )
    ),
    (
        "/srv/to-env",
        f"is /srv/env, a script that env runs by a program that is python3, which is not in the image's {USUAL}",
        "add the interpreter to the image, or its directory to PATH",
    ),
    ("/srv/itself", "is a script whose interpreters lead in circles: /srv/itself", ADD),
    (
        "/srv/arm",
        "is /srv/arm, which is for arm64, and the image for amd64",
        'take the file for the image\'s architecture, or say another "architecture"',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("program", "message", "hint"), FAILURES, ids=[one[0] for one in FAILURES])
def test_what_keeps_a_program_from_starting_is_reported(program: str, message: str, hint: str) -> None:
    trouble = start_failure((program,), ProgramEnvironment(Files(SYSTEM), architecture="amd64", first=True))
    assert trouble == StartFailure(message, hint)


def test_a_command_without_words_names_no_program() -> None:
    assert start_failure((), ProgramEnvironment(Files(SYSTEM))) == StartFailure("names no program", ADD)


@pytest.mark.parametrize("architecture", [None, "amd64", "another"])
def test_a_program_is_for_the_architecture_where_both_are_known(architecture: str | None) -> None:
    around = ProgramEnvironment(Files(SYSTEM), architecture=architecture)
    assert (start_failure(("/srv/arm",), around) is None) == (architecture != "amd64")
    assert start_failure(("/bin/sh",), around) is None
    unread = FileInfo(FileKind.FILE, 0o755)
    assert start_failure(("/x",), ProgramEnvironment(One(unread), architecture=architecture)) is None


@pytest.mark.parametrize("mode", [0o001, 0o010, 0o100])
def test_one_bit_to_execute_makes_a_file_a_program(mode: int) -> None:
    assert start_failure(("/x",), ProgramEnvironment(Files({"/x": (mode, ELF)}))) is None


def test_a_relative_interpreter_is_looked_for_where_the_program_starts() -> None:
    assert start_failure(("/srv/relative",), ProgramEnvironment(Files(SYSTEM), directory="/srv")) is not None


def test_a_program_without_a_slash_is_the_first_executable_one_in_path() -> None:
    files = Files({**SYSTEM, "/a/sh": (0o644, b""), "/b/sh": b"#!/lost\n"})
    assert start_failure(("sh",), ProgramEnvironment(files, "/a:/usr/bin:/b")) is None
    assert "/lost" in str(start_failure(("sh",), ProgramEnvironment(files, "/a:/b:/usr/bin")))
    assert "is sh, which is not in the image's PATH, which is empty" in str(
        start_failure(("sh",), ProgramEnvironment(files, "", "", "/srv"))
    )
    assert "/a/sh is not executable" in str(start_failure(("sh",), ProgramEnvironment(files, "/a")))
    assert start_failure(("x",), ProgramEnvironment(files, "/a:/data/bin", volumes=("/data",))) is None


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("/a:/b", None),
        ("/c:/b", None),
        ("/a", "is tool, but /a/tool is a link to /gone, which is not in the image"),
        ("/d:/a:/c", "is tool, but /a/tool is a link to /gone, which is not in the image"),
        ("/c:/a", "is tool, but /c/tool is not executable (its mode is 0644)"),
        ("/c:/e", "is tool, but /c/tool is not executable (its mode is 0644)"),
        ("/d", "is tool, which is not in the image's /d"),
        ("", "is tool, but /c/tool is not executable (its mode is 0644)"),
    ],
)
def test_what_keeps_the_first_program_in_path_from_starting_is_reported(search: str, message: str | None) -> None:
    """A link to a directory that has no such program is not reported; where none is executable, the first is."""
    files = {"/a/tool": "/gone", "/b/tool": ELF, "/c/tool": (0o644, ELF), "/d": "/etc", "/e/tool": None, "/etc": None}
    trouble = start_failure(("tool",), ProgramEnvironment(Files(files), search, directory="/c"))
    assert (None if trouble is None else trouble.message) == message


def test_what_starts_in_a_running_system_may_be_where_it_keeps_its_files() -> None:
    assert start_failure(("/run/x/y",), ProgramEnvironment(Files(SYSTEM))) is None
    assert start_failure(("/run/x/y",), ProgramEnvironment(Files(SYSTEM), first=True)) is not None


def test_a_shell_helps_where_the_kernel_does_not_know_a_file() -> None:
    assert start_failure(("/srv/words",), ProgramEnvironment(Files(SYSTEM), shell_helps=True)) is None


def test_a_loader_that_is_missing_is_named() -> None:
    real = Path("/bin/sh").resolve().read_bytes()
    program = _program(real)
    assert program.format is ProgramFormat.ELF
    loader = program.interpreter.decode()
    assert Path(loader).exists(), "what the rules read is what this machine runs its shell with"
    files: dict[str, bytes | tuple[int, bytes] | str | None] = {"/app": real}
    assert f"which needs the loader {loader}, which is not in the image" in str(
        start_failure(("/app",), ProgramEnvironment(Files(files)))
    )
    assert start_failure(("/app",), ProgramEnvironment(Files({**files, loader: ELF}))) is None
    assert start_failure(("/app",), ProgramEnvironment(Files({**files, loader: real}))) is None, (
        "not its loader's loader"
    )
    script = start_failure(("/app",), ProgramEnvironment(Files({**files, loader: b"#!/app\n"})))
    assert f"which needs the loader {loader}, but that is not an ELF file" in str(script)


LINES = st.sampled_from(["#!{next}", "#! {next} -x", "#!{next}\r", "#!\t{next}\t", "#!{missing}", "#!", "#!{top}"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chain=st.lists(st.tuples(LINES, st.sampled_from([0o755, 0o755, 0o755, 0o644])), min_size=1, max_size=7))
@example(chain=[("#!{next}", 0o755)] * 5)
@example(chain=[("#!{next}", 0o755)] * 6)
def test_the_kernel_says_the_same_of_scripts(tmp_path: Path, chain: list[tuple[str, int]]) -> None:
    places = {"missing": str(tmp_path / "missing"), "top": str(tmp_path)}
    following = "/bin/true"
    for number, (line, mode) in enumerate(reversed(chain)):
        script = tmp_path / f"script-{number}"
        script.unlink(missing_ok=True)
        script.write_text(line.format(next=following, **places) + "\n")
        script.chmod(mode)
        following = str(script)
    try:
        subprocess.run([following], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        starts = True
    except OSError:
        starts = False
    assert (start_failure((following,), ProgramEnvironment(Machine(), first=True)) is None) == starts, chain


@given(st.binary(max_size=200), st.sampled_from([b"", b"#!", b"\x7fELF\2\1\1", b"\x7fELF\1\2\1"]))
def test_reading_a_program_never_fails(data: bytes, head: bytes) -> None:
    assert _program(head + data).format in ProgramFormat


NAMES = st.sampled_from(["a", "b", "c", "..", "."])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(links=st.dictionaries(st.sampled_from(["a", "b", "c", "d/a", "d/b"]), PATHS, max_size=5), path=PATHS)
def test_a_path_leads_where_the_kernel_says(
    tmp_path_factory: pytest.TempPathFactory, links: dict[str, str], path: str
) -> None:
    top = tmp_path_factory.mktemp("tree")
    (top / "d").mkdir()
    for place, target in links.items():
        (top / place).symlink_to(target)
    (top / "d/c").touch() if "d/c" not in links else None
    found = resolve_path(Machine(), f"{top}/d/{path}".encode())
    try:
        os.stat(f"{top}/d/{path}")  # noqa: PTH116 - pathlib drops dots
        real = os.path.realpath(f"{top}/d/{path}", strict=True)
    except OSError:
        assert isinstance(found, UnresolvedPath), (links, path)
    else:
        assert isinstance(found, ResolvedPath)
        assert as_path(found.parts) == real

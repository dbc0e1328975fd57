"""``sysimage init``: a first system.json."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sysimage.cli import flags
from sysimage.cli.terminal import Terminal
from sysimage.errors import MachineError, SpecError

NAME = "init"
HELP = "write a first system.json, also from a file of Docker, apko, mkosi or debos"
DESCRIPTION = """\
Write a small SPEC that builds; on a terminal its name and its packages are asked for. With --from, what a Dockerfile,
an apko.yaml, a mkosi.conf or a recipe of debos declares is translated: packages, variables, ports, users, files and
programs. What has no counterpart is listed, and the status is 0 all the same. An existing file stays as it is."""
EXAMPLES = (
    ("sysimage init", "a small system.json here"),
    ("sysimage init --from Dockerfile", "what a Dockerfile comes to, and what is missing"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", metavar="FILE", type=Path, help="a file of another tool")
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")
    parser.add_argument("spec", metavar="SPEC", nargs="?", default=flags.SPEC, help=f"what to write ({flags.SPEC})")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.conversion.convert import convert
    from sysimage.conversion.spec_draft import Note, image_name

    path = Path(arguments.spec)
    if path.suffix not in (".json", ".jsonc"):
        raise SpecError(f"cannot write {path}: a spec is a .json, or a .jsonc with comments")
    if path.exists() or path.is_symlink():
        raise SpecError(f"cannot write {path}: it is there already", hint="name another file, or remove it first")
    notes: tuple[Note, ...] = ()
    if arguments.source is None:
        asks = not arguments.json and sys.stdin.isatty() and sys.stderr.isatty()
        spec: dict[str, Any] = _asked(image_name(path.parent)) if asks else _first(image_name(path.parent), [])
    else:
        converted = convert(arguments.source, path.parent)
        spec, notes = dict(converted.spec), converted.notes
    _write(path, spec)
    if arguments.json:
        from sysimage.documents.problems import Issue
        from sysimage.documents.specs import InitDocument

        shown = tuple(Issue("", str(arguments.source), note.line, None, note.text, None) for note in notes)
        terminal.document(InitDocument(str(path), spec, shown))
        return
    terminal.result(f"{path}: written")
    if notes:
        terminal.note(f"what {arguments.source} says and the spec does not:")
    for note in notes:
        at = "" if note.line is None else f"line {note.line}: "
        terminal.note(f"  {at}{note.text}")
    terminal.note(f"next: sysimage build {path}; `sysimage explain` lists what a spec may say")


def _first(name: str, packages: list[str]) -> dict[str, Any]:
    return {"name": name, "packages": packages}


def _asked(name: str) -> dict[str, Any]:
    """What a user answers, checked as a spec is."""
    from sysimage.spec.parse import spec_of_value

    said = _answer(f"name of the image [{name}]: ") or name
    packages = _answer("Debian packages besides a small system, such as nginx curl []: ")
    spec = _first(said, packages.replace(",", " ").split())
    spec_of_value(spec, Path())
    return spec


def _answer(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _write(path: Path, spec: dict[str, Any]) -> None:
    """Write a file that was not there; nothing is left when that fails."""
    from sysimage.cli.json_lines import compact_json

    try:
        with path.open("x", encoding="utf-8") as file:
            try:
                file.write(f"{compact_json(spec)}\n")
            except BaseException:
                path.unlink()
                raise
    except FileExistsError:
        raise SpecError(f"cannot write {path}: it is there already") from None
    except (FileNotFoundError, NotADirectoryError):
        raise SpecError(f"cannot write {path}: there is no directory {path.parent}") from None
    except OSError as error:
        raise MachineError(f"cannot write {path}: {error.strerror}") from error

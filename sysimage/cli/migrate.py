"""``sysimage migrate``: a spec of an older version becomes one of today's."""

from __future__ import annotations

import argparse
import os
import stat
from pathlib import Path

from sysimage import __version__
from sysimage.cli.flags import SPEC
from sysimage.cli.terminal import Terminal
from sysimage.errors import Issue, SpecError

NAME = "migrate"
HELP = "change a system.json of an older version to today's keys"
DESCRIPTION = """\
Change the keys of SPEC that have other names, or values of another form, since an older version, and nothing else:
order, blanks and line breaks stay as they are. The file is replaced when it is read without a fault. With --check
nothing is written, and a spec with old keys ends with 2."""
EXAMPLES = (
    ("sysimage migrate", "bring system.json here to today's keys"),
    ("sysimage migrate --check web.json", "for a CI job: ends with 2 if there are old keys"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="only say what would change")
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")
    parser.add_argument("spec", metavar="SPEC", nargs="?", type=Path, default=Path(SPEC), help=f"the spec ({SPEC})")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.files.output import output_file
    from sysimage.spec.migrations import migrated, old_keys
    from sysimage.spec.parse import parse_spec
    from sysimage.spec.text_file import read_text
    from sysimage.streams.copying import write_all

    path: Path = arguments.spec
    text = read_text(path)
    new, changes = migrated(text)
    if arguments.check and changes:
        from sysimage.spec.json_text import read_json

        read = read_json(text)
        issues = [
            read.placed(Issue(where, f"is {change.new!r} since sysimage {change.since}"), str(path))
            for where, change in old_keys(read.value).items()
        ]
        raise SpecError(f"cannot read {path} as it is: it has old keys", hint=f"sysimage migrate {path}", issues=issues)
    parse_spec(new, path)
    if changes:
        with output_file(path) as fd:
            write_all(fd, new.encode())
            os.fchmod(fd, stat.S_IMODE(path.stat().st_mode))
    if arguments.json:
        from sysimage.documents.specs import KeyChange, MigrateDocument
        from sysimage.spec.json_text import pointer

        made = tuple(KeyChange(pointer(*change.old), change.new, change.since) for change in changes)
        terminal.document(MigrateDocument(str(path), made))
        return
    for change in changes:
        terminal.result(f"{path}: {change}")
    if not changes:
        terminal.result(f"{path}: nothing to change: all its keys are those of sysimage {__version__}")

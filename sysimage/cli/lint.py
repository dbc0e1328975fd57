"""``sysimage lint``: all that can be known of a spec without fetching anything."""

from __future__ import annotations

import argparse
from pathlib import Path

from sysimage.cli import flags
from sysimage.cli.spec_files import choices, faults_in, read_spec
from sysimage.cli.terminal import Terminal

NAME = "lint"
HELP = "check specs without fetching anything, for editors and pre-commit"
DESCRIPTION = """\
Read each SPEC with all that it includes and check what can be known without fetching anything: keys and values, what
its parts say about each other, and the files that it names. Faults are printed as FILE:LINE:COLUMN. Ends with 2 if
there is a fault in one of them; a build checks more, such as whether packages exist and programs are there."""
EXAMPLES = (
    ("sysimage lint", "system.json here"),
    ("sysimage lint --json web.json shop.json", "several, for an editor"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_choice_flags(parser)
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")
    parser.add_argument("specs", metavar="SPEC", nargs="*", default=[flags.SPEC], help=f"a spec ({flags.SPEC})")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.errors import Issue, SpecError

    failed: list[SpecError] = []
    for name in arguments.specs:
        try:
            _check(name, arguments)
        except SpecError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        issues = [issue for error in failed for issue in (error.issues or [Issue("", error.message)])]
        raise SpecError(f"cannot read {len(failed)} specs: {len(issues)} faults", hint=failed[0].hint, issues=issues)
    if arguments.json:
        from sysimage.documents.specs import LintDocument

        terminal.document(LintDocument(tuple(arguments.specs)))
        return
    for name in arguments.specs:
        terminal.result(f"{name}: no fault")


def _check(name: str, arguments: argparse.Namespace) -> None:
    """Read a spec, and the lock files of other package managers that it names."""
    from sysimage.pipeline.lock_file_checks import check_lock_files

    spec = read_spec(name, choices(arguments)).spec
    with faults_in(name, choices(arguments)):
        check_lock_files(spec, Path() if name == "-" else Path(name).parent)

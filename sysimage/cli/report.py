"""``sysimage report``: an image, or the plan of one, as one page for people."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.progress import shown_progress
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import IntegrityError, SpecError

if TYPE_CHECKING:
    from sysimage.layerplan import Record
    from sysimage.progress import Progress
    from sysimage.report import Facts

NAME = "report"
HELP = "write a page that shows what an image holds, and why"
DESCRIPTION = """\
Write one HTML page about IMAGE, in an archive, an OCI layout or a registry, or about a plan, the record of a build
(*.plan.json): where the bytes are, down to files; why each item is there; what an update of it pulls; packages with
versions and licences; what is there twice; and with --against, what is different in another image or plan. The page
holds everything itself and asks no network for anything. Digests are not compared; `sysimage verify` does that."""
EXAMPLES = (
    ("sysimage report web.tar", "the page web.report.html, in this directory"),
    ("sysimage report --against old.tar -o change.html web.tar", "what an update changes"),
)
_RECORD = ".plan.json"


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="the page; - writes it to standard output; by default web.report.html, in this directory, for web.tar",
    )
    parser.add_argument("--against", metavar="IMAGE", help="another image or plan: what a client that has it pulls")
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image, where there are several")
    parser.add_argument("--tag", metavar="NAME[:TAG]", help="which image, where a layout holds several")
    flags.add_output_flags(parser)
    flags.add_registry_flags(parser)
    parser.add_argument("image", metavar="IMAGE", help=f"{flags.AN_IMAGE}, or the record of a build")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.pipeline.output_checks import Input, refuse_inputs, require_file_output
    from sysimage.report import difference, files_document, page, report_document

    output = _output(arguments)
    if output is not None:
        read = [("the image", arguments.image), ("the other image", arguments.against)]
        places = [(what, Path(place)) for what, place in read if place is not None]
        refuse_inputs(output, [Input(what, place, whole=place.is_dir()) for what, place in places])
        require_file_output(output)
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        facts = _facts(arguments.image, arguments.tag, arguments, terminal, progress)
        before = None
        if arguments.against is not None:
            before = _facts(arguments.against, None, arguments, terminal, progress)
    found = None if before is None else difference(before, facts, is_later)
    text = page(report_document(facts, found), files_document(facts))
    _write(output, text.encode())
    if arguments.json and output is not None:
        from sysimage.documents.images import ReportDocument

        size = len(text.encode())
        terminal.document(ReportDocument(arguments.image, str(output), size, len(facts.layers), len(facts.items)))
    elif not arguments.quiet:
        held = f"{len(facts.layers)} layers, {len(facts.items)} items, {in_bytes(len(text.encode()))}"
        line = f"{facts.name} -> {output or 'standard output'}: {held}"
        (terminal.note if output is None else terminal.result)(line)


def _output(arguments: argparse.Namespace) -> Path | None:
    """Where the page goes; None for standard output."""
    if arguments.output == "-":
        return None
    if arguments.output is not None:
        return Path(arguments.output)
    name = Path(os.path.realpath(arguments.image)).name.replace(":", "-").replace("@", "-")
    return Path(f"{name.removesuffix(_RECORD).removesuffix('.tar') or 'image'}.report.html")


def _facts(text: str, tag: str | None, arguments: argparse.Namespace, terminal: Terminal, progress: Progress) -> Facts:
    """What ``text`` names: the record of a build, or an image, of which ``tag`` chooses one."""
    from sysimage.api import reading
    from sysimage.api.arguments import checked_name
    from sysimage.pipeline.history import read_records
    from sysimage.report import image_facts, plan_facts
    from sysimage.suggestions import did_you_mean

    place = Path(text)
    if place.suffix == ".json" and not place.is_dir():
        if not place.exists():
            raise SpecError(
                f"cannot read {place}: there is no such file",
                hint=did_you_mean(place, "name an image, or the record of a build"),
            )
        try:
            (record,) = read_records(text, "", lambda _: None)
        except IntegrityError as error:
            raise SpecError(
                f"cannot report on {place}: it is not the record of a build",
                hint="name an image, or a record; `sysimage plan --report` makes a page of a spec",
            ) from error
        return plan_facts(record, place.name.removesuffix(_RECORD))
    found = reading.find(text, settings(arguments, terminal), whole=True)
    return image_facts(
        found.place,
        lambda said: _record(said, text, terminal),
        progress,
        platform=arguments.platform,
        name=checked_name(tag) or found.name,
    )


def _record(annotations: Mapping[str, str], place: str, terminal: Terminal) -> Record | None:
    """The record of the image's build. The report is made without it if it cannot be read."""
    from sysimage.pipeline.history import record_in

    try:
        return record_in(annotations)
    except IntegrityError as error:
        terminal.note(f"note: {place}: {error.message}; shown without what its build knew")
        return None


def is_later(before: str, after: str) -> bool:
    """Whether the second version is later, by Debian's order where both are versions of Debian's form."""
    from sysimage_bootstrap.archive.versions import version_key

    try:
        return version_key(before) < version_key(after)
    except ValueError:
        return before < after


def _write(output: Path | None, data: bytes) -> None:
    from sysimage.files.output import output_file
    from sysimage.streams.copying import write_all

    if output is None:
        sys.stdout.flush()
        write_all(sys.stdout.fileno(), data)
        return
    with output_file(output) as fd:
        write_all(fd, data)

"""``sysimage inspect``: what an image says about itself, without reading its layers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.characters import printable
from sysimage.cli import flags
from sysimage.cli.settings import settings
from sysimage.cli.terminal import Terminal, in_bytes

if TYPE_CHECKING:
    from sysimage.verify import ImageSummary

NAME = "inspect"
HELP = "show what an image says about itself"
DESCRIPTION = """\
Show what an image says about itself, in an archive, an OCI layout or a registry: names, digests, configuration, layers.
Only the topmost layer is read, to count the store's items; `sysimage verify` reads them all."""
EXAMPLES = (
    ("sysimage inspect web.tar", "names, configuration, layers"),
    ("sysimage inspect registry.example/team/web:1.4", "the same of an image in a registry, without its layers"),
    ("sysimage inspect --json --platform linux/arm64 layout/", "one image of several, for a program"),
)


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--platform", metavar="OS/ARCH", help="which image, where there are several")
    parser.add_argument("--tag", metavar="NAME[:TAG]", help="which image, where a layout holds several")
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")
    flags.add_registry_flags(parser)
    parser.add_argument("image", metavar="IMAGE", help=flags.AN_IMAGE)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.api.documents import document_of
    from sysimage.api.reading import inspect

    said = settings(arguments, terminal)
    summary = inspect(arguments.image, platform=arguments.platform, name=arguments.tag, settings=said)
    if arguments.json:
        terminal.document(document_of(summary))
        return
    for name, value in facts(summary):
        terminal.fact(f"{name}:", printable(value), 14)
    terminal.result("")
    terminal.table(("layer", "size", "digest", "holds"), rows(summary), right=(0, 1))
    for issue in summary.faults:
        terminal.note(f"fault: {issue}")


def facts(summary: ImageSummary) -> list[tuple[str, str]]:
    """The facts to print, without absent ones."""
    config, runtime = summary.config, summary.config.runtime
    starts = " ".join([*runtime.entry_point, *runtime.command])
    store = f"{summary.store_kind}, {summary.items} items" if summary.store_kind else ""
    lines = [
        ("names", ", ".join(summary.names)),
        ("digest", str(summary.digest or "")),
        ("image ID", str(summary.image_id)),
        ("platform", config.platform),
        ("created", config.created or ""),
        ("size", f"{in_bytes(summary.size)} in {len(summary.layers)} layers"),
        ("store", store),
        ("starts", starts),
        ("user", runtime.user),
        ("directory", runtime.working_directory),
        ("environment", " ".join(runtime.environment)),
        ("ports", " ".join(runtime.exposed_ports)),
        ("volumes", " ".join(runtime.volumes)),
        ("stop signal", runtime.stop_signal or ""),
        *((f"label {name}", value) for name, value in sorted(config.labels.items())),
    ]
    return [(name, value) for name, value in lines if value]


def rows(summary: ImageSummary) -> list[tuple[str, ...]]:
    """A row for each layer, bottom first."""
    return [
        (str(number), in_bytes(layer.size), str(layer.digest or layer.diff_id)[:19], layer.comment or layer.created_by)
        for number, layer in enumerate(summary.layers, 1)
    ]

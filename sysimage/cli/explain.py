"""``sysimage explain``: what a key of system.json means."""

from __future__ import annotations

import argparse
import json
import textwrap
from typing import TYPE_CHECKING

from sysimage.cli.json_lines import compact_json
from sysimage.cli.terminal import Terminal

if TYPE_CHECKING:
    from sysimage.documents import specs
    from sysimage.spec.explanation import Explanation, Key

NAME = "explain"
HELP = "explain a key of system.json, with an example"
DESCRIPTION = """\
Explain what a KEY of system.json means: what its value must be, its default, the keys below it, and a spec that has it.
A key below others is written with dots, names may be left out: services.ready. Without KEY all keys are listed."""
EXAMPLES = (
    ("sysimage explain services.ready", "when a service counts as started"),
    ("sysimage explain", "every key, in groups"),
)
_WIDEST = 100


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")
    parser.add_argument("key", metavar="KEY", nargs="?", help="such as services.ready, or /services/web/ready")


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    from sysimage.spec.explanation import explain

    if arguments.key is None:
        _list(terminal, as_json=arguments.json)
        return
    from sysimage.spec.example_specs import example_of

    explanation = explain(arguments.key)
    example = dict(example_of(explanation.path))
    if arguments.json:
        from sysimage.documents.specs import ExplainDocument

        said = _document(explanation.key)
        below = tuple(map(_document, explanation.below))
        terminal.document(
            ExplainDocument(
                explanation.shown_path, said.type, said.default, said.required, said.meaning, below, example
            )
        )
        return
    terminal.result("\n".join(_page(explanation, min(terminal.width, _WIDEST))))
    terminal.result(f"\nExample:\n\n{textwrap.indent(compact_json(example), '  ')}")


def _document(key: Key) -> specs.Key:
    from sysimage.documents import specs

    default = None if key.default is None else json.loads(key.default)
    return specs.Key(key.name, key.type, default, key.required, key.meaning)


def _page(explanation: Explanation, width: int) -> list[str]:
    key = explanation.key
    lines = [explanation.shown_path, ""]
    if key.meaning:
        lines += [*_filled(_plain(key.meaning), width, "  "), ""]
    lines += _filled(f"Value    {key.type}", width, "  ", hanging=9)
    if key.required:
        lines.append("  Default  none: it must be there")
    elif key.default is not None:
        lines += _filled(f"Default  {key.default}", width, "  ", hanging=9)
    else:
        lines.append("  Default  none: it may be absent")
    if explanation.below:
        lines += ["", "Keys:", "", *_lines(explanation.below, width)]
    return lines


def _lines(keys: tuple[Key, ...], width: int) -> list[str]:
    """One line for each key."""
    column = max(len(key.name) for key in keys) + 2
    room = max(width - column - 2, 20)
    return [f"  {key.name:<{column}}{_shortened(_one_line(key), room)}" for key in keys]


def _one_line(key: Key) -> str:
    first = _plain(key.meaning).split("; ")[0].split(". ")[0].rstrip(".:")
    return f"{first} (required)" if key.required else first


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else textwrap.shorten(text, room, placeholder=" …")


def _list(terminal: Terminal, *, as_json: bool) -> None:
    from sysimage.spec.explanation import top_level
    from sysimage.spec.key_groups import KEY_GROUPS

    keys = top_level()
    if as_json:
        from sysimage.documents.specs import KeyGroup, KeysDocument

        groups = (
            KeyGroup(title, tuple(_document(keys[name]) for name in names)) for title, names in KEY_GROUPS.items()
        )
        terminal.document(KeysDocument(tuple(groups)))
        return
    width = min(terminal.width, _WIDEST)
    column = max(map(len, keys)) + 2
    for title, names in KEY_GROUPS.items():
        terminal.result(f"{title}:")
        for name in names:
            text = _shortened(_one_line(keys[name]), max(width - column - 2, 20))
            terminal.result(f"  {name:<{column}}{text}")
        terminal.result("")
    terminal.result("`sysimage explain KEY` says more of each; services.ready is a key below another one.")


def _filled(text: str, width: int, indent: str, *, hanging: int = 0) -> list[str]:
    below = indent + " " * hanging
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=below, break_on_hyphens=False)


def _plain(text: str) -> str:
    """Descriptions without the back quotes that Markdown needs."""
    return text.replace("`", "")

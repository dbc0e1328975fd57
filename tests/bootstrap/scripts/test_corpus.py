"""The scripts of some 1,200 packages, kept as `gather.py` fetched them: how many are read whole.

What the packages hold beside their scripts is not kept: here every directory near the root is there, and nothing else.
So more lines than in a real system find nothing; `make scripts` compares with real trees.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pyzstd

from sysimage_bootstrap.debs.control_files import SCRIPTS
from sysimage_bootstrap.scripts.effects import parts
from sysimage_bootstrap.scripts.read_scripts import PackageScripts, ScriptSettings, read_scripts
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.scripts.shell_parser import parse
from sysimage_bootstrap.scripts.shell_syntax import Function, Simple

CORPUS = Path(__file__).parent / "corpus.json.zst"
READ_WHOLE = 0.9


class BareDirectories:
    """A tree of directories alone."""

    def node(self, path: str) -> FileNode | None:
        return FileNode.directory() if path.count("/") <= 3 and "." not in path else None

    def names(self, path: str) -> Iterable[str]:
        return ()

    def left_out(self, path: str) -> bool:
        return False

    def files_of(self, package: str) -> Iterable[str] | None:
        return []


@pytest.fixture(scope="module")
def corpus() -> Mapping[str, Any]:
    return dict(json.loads(pyzstd.decompress(CORPUS.read_bytes())))


@pytest.mark.slow
def test_every_script_in_the_shells_language_is_parsed(corpus: Mapping[str, Any]) -> None:
    texts = [one["files"][name] for one in corpus.values() for name in SCRIPTS if name in one["files"]]
    shells = [text for text in texts if "sh" in text.partition("\n")[0]]
    assert len(shells) > 700
    for text in shells:
        parse(text)


KINDS = {
    "a file that is not here, since the corpus has scripts alone": "why (this would|there is)|what .* (says|holds)$",
    "a condition that depends on that, or on the machine": "whether|what .* prints|what \\$",
    "an account of a package that is not read with it": "which account",
    "a program that is not imitated": "what .* does",
    "a script in another language": "a program for",
}
"""What a line that was not read is about → an expression for why it was not."""


@pytest.mark.slow
def test_nine_of_ten_packages_are_read_whole(corpus: Mapping[str, Any]) -> None:
    needed = corpus.keys() | {name for one in corpus.values() for name in one["needs"]}
    scripted = [name for name, one in corpus.items() if any(script in one["files"] for script in SCRIPTS)]
    kinds: dict[str, Counter[str]] = {}
    unread, statements, lines = set[str](), 0, 0
    for name in scripted:
        one = corpus[name]
        said = read_scripts([PackageScripts(name, one["version"], one["files"])], BareDirectories(), ScriptSettings())
        statements += sum(_statements(one["files"][script]) for script in SCRIPTS if script in one["files"])
        lines += len({(line.script, line.line) for line in said.unread})
        unread |= {name} if said.unread else set()
        for line in said.unread:
            kind = next((kind for kind, why in KINDS.items() if re.search(why, line.why)), "something else")
            kinds.setdefault(kind, Counter())[name] += 1
    whole = 1 - len(unread) / len(needed)
    print(f"{len(needed)} packages, {whole:.1%} read whole; {len(scripted)} have scripts, of these", end=" ")
    print(
        f"{1 - len(unread) / len(scripted):.1%}; {statements} statements, {1 - lines / statements:.1%} read; the rest:"
    )
    for kind, names in sorted(kinds.items(), key=lambda one: -one[1].total()):
        print(f"{names.total():4} lines of {len(names)} packages: {kind}: {', '.join(sorted(names))}")
    assert whole >= READ_WHOLE


def _statements(text: str) -> int:
    """The simple commands of a script, those of its functions included; one for a script in another language."""
    if "sh" not in text.partition("\n")[0]:
        return 1
    count, left = 0, [parse(text)]
    while left:
        one = left.pop()
        count += isinstance(one, Simple)
        left += [one.body] if isinstance(one, Function) else parts(one)
    return count

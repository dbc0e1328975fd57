"""The scripts of some 1,200 packages, kept as `gather.py` fetched them: how many are read whole.

What the packages hold beside their scripts is not kept: here every directory near the root is there, and nothing else.
So more lines than in a real system find nothing; `make scripts` compares with real trees.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import pyzstd

from sysimage_bootstrap.debs.control_files import SCRIPTS
from sysimage_bootstrap.scripts.read import PackageScripts, Settings, read_scripts
from sysimage_bootstrap.scripts.root_files import Node
from sysimage_bootstrap.scripts.shell_parser import parse

CORPUS = Path(__file__).parent / "corpus.json.zst"
READ_WHOLE = 0.9


class BareDirectories:
    """A tree of directories alone."""

    def node(self, path: str) -> Node | None:
        return Node.directory() if path.count("/") <= 3 and "." not in path else None

    def names(self, path: str) -> Iterable[str]:
        return ()

    def left_out(self, path: str) -> bool:
        return False

    def files_of(self, package: str) -> Iterable[str] | None:
        return []


@pytest.fixture(scope="module")
def corpus() -> Mapping[str, Any]:
    return dict(json.loads(pyzstd.decompress(CORPUS.read_bytes())))


def test_every_script_in_the_shells_language_is_parsed(corpus: Mapping[str, Any]) -> None:
    texts = [one["files"][name] for one in corpus.values() for name in SCRIPTS if name in one["files"]]
    shells = [text for text in texts if "sh" in text.partition("\n")[0]]
    assert len(shells) > 700
    for text in shells:
        parse(text)


def test_nine_of_ten_packages_are_read_whole(corpus: Mapping[str, Any]) -> None:
    whole, reasons, with_scripts = 0, Counter[str](), 0
    for name, one in corpus.items():
        said = read_scripts([PackageScripts(name, one["version"], one["files"])], BareDirectories(), Settings())
        whole += not said.unread
        with_scripts += any(script in one["files"] for script in SCRIPTS)
        reasons.update({unread.why for unread in said.unread})
    print(f"{whole} of {len(corpus)} packages read whole, {with_scripts} have scripts; of the others:")
    for reason, count in reasons.most_common(20):
        print(f"{count:4} {reason}")
    assert whole / len(corpus) >= READ_WHOLE

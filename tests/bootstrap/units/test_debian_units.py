"""The units that Debian 13's server packages ship: nearly all become services whole; what the rest lack is known.

``debian-units.json.xz`` keeps them; ``keep_units.py`` says how.
"""

from __future__ import annotations

import json
import lzma
from collections import Counter
from collections.abc import Iterator
from functools import cache

from sysimage.errors import Issue
from sysimage_bootstrap.debian.first_starts import FIRST_STARTS
from sysimage_bootstrap.debian.without_systemd import INSTEAD
from sysimage_bootstrap.units.enable import enable
from sysimage_bootstrap.units.specifiers import UnitName
from sysimage_bootstrap.units.unit_files import UnitFiles
from tests.bootstrap.units.keep_units import KEPT
from tests.bootstrap.units.test_enable import owner

KINDS = (".service", ".socket", ".timer")


@cache
def kept() -> dict[str, dict[str, str]]:
    document: dict[str, dict[str, str]] = json.loads(lzma.decompress(KEPT.read_bytes()))
    return document


@cache
def files() -> UnitFiles:
    texts: dict[str, str] = {}
    links: dict[str, str] = {}
    for units in kept().values():
        for name, text in units.items():
            if text.startswith("-> "):
                links[name] = text.removeprefix("-> ")
            else:
                texts[name] = text
    return UnitFiles(texts, {name: target for name, target in links.items() if name not in texts})


def tried() -> Iterator[tuple[str, list[Issue], frozenset[str]]]:
    """Each unit that can be enabled, what is wrong with that, and which directives are not done."""
    for name in sorted(files().texts):
        if name.endswith(KINDS):
            found = enable([name.replace("@.", "@x.")], files(), owner, {})
            undone = {one.directive for unit in found.services.values() for one in unit.undone}
            yield name, found.issues, frozenset(undone)


def test_at_least_89_of_100_units_are_whole_and_the_rest_is_known() -> None:
    rows = list(tried())
    assert len(rows) > 500
    whole = [name for name, issues, undone in rows if not issues and not undone]
    assert len(whole) / len(rows) >= 0.89
    directives = Counter(directive for _, _, undone in rows for directive in undone)
    known = {"Environment", "BindPaths", "BindReadOnlyPaths"}
    known |= {"ExecStartPre", "ExecStartPost", "ExecStopPre", "ExecStopPost"}  # of sockets
    assert {one for one in directives if not one.endswith(KINDS)} <= known


def test_every_unit_of_the_facts_about_first_starts_exists() -> None:
    missing = {one.unit for one in FIRST_STARTS} - set(files().texts)
    assert missing == set(), "a unit was renamed, so that its data would never be made"


def test_names_of_units_are_read_and_written_alike() -> None:
    for name in files().texts:
        assert UnitName.of(name).full == name


def test_every_command_that_only_systemd_may_run_is_one_of_a_unit() -> None:
    starts = {line for text in files().texts.values() for line in text.splitlines() if line.startswith("ExecStart=")}
    for program, argument in INSTEAD:
        assert any(line.partition("=")[2].split()[:2] == [program, argument] for line in starts), program

"""Mutants change one thing each, remain Python, and leave alone what no test can notice."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.mutants.__main__ import mirrored, sampled
from tests.mutants.mutations import mutants_of
from tests.support.examples import ROOT


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a < b", ["(a <= b)"]),
        ("x = a and not b", ["(a or not b)", "(b)"]),
        ("f(3, True)", ["pass", "(4)", "(False)"]),
        ("x = sorted(names, key=len)", ["(list(names))"]),
        ("for x in y:\n    if x:\n        continue\n    go = x", ["pass"]),
        ("if x:\n    raise ValueError(1 + 1)", ["pass"]),
        ("x: list[1] = f'{1 + 1} {y}'", []),
        ("if TYPE_CHECKING:\n    import a", []),
        ("fd = open(path, os.O_RDONLY | os.O_CLOEXEC)", []),
        ('"""Says 1 < 2."""', []),
    ],
)
def test_what_is_changed_and_into_what(text: str, after: list[str]) -> None:
    found = list(mutants_of(text))
    assert [mutant.after for mutant in found] == after
    for mutant in found:
        assert ast.unparse(ast.parse(mutant.text)) != ast.unparse(ast.parse(text))


def test_a_change_is_made_at_its_place_after_characters_of_several_bytes() -> None:
    (mutant,) = mutants_of("a = ['\u00e4\u00f6', b == c]\n")
    assert mutant.text == "a = ['\u00e4\u00f6', (b != c)]\n"


def test_the_same_seed_gives_the_same_sample() -> None:
    room = Path("sysimage/layerplan")
    first = sampled(ROOT, room, 9, 1)
    assert [case.mutant for case in first] == [case.mutant for case in sampled(ROOT, room, 9, 1)]
    assert [case.mutant for case in first] != [case.mutant for case in sampled(ROOT, room, 9, 2)]
    assert len({(case.module, case.mutant.line) for case in first}) == 9


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("sysimage/layers/tar.py", ("tests/layers/test_tar.py", "tests/layers")),
        ("sysimage/layers/blob.py", ("tests/layers",)),
        ("sysimage/signals.py", ("tests/test_signals.py",)),
        (
            "bootstrap/sysimage_bootstrap/packages/lock.py",
            ("tests/bootstrap/packages/test_lock.py", "tests/bootstrap/packages"),
        ),
        ("vmtests/sysimage_vm/disk.py", ("tests/vm/test_disk.py", "tests/vm")),
    ],
)
def test_the_mirrored_tests_of_a_module(module: str, tests: tuple[str, ...]) -> None:
    assert mirrored(ROOT, Path(module)) == tests

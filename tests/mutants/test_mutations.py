"""Mutants change one thing each, remain Python, and leave alone what no test can notice."""

from __future__ import annotations

import ast
import gc
import json
import shutil
from pathlib import Path

import pytest

from tests.mutants.__main__ import judged, mirrored, sampled
from tests.mutants.equivalent import EQUIVALENT
from tests.mutants.forked import NotInFunctionsError, changed_code, functions_by_file
from tests.mutants.mutations import mutants_of
from tests.mutants.traces import Traces
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
        ("pairs = zip(a, b, strict=True)", []),
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
        ("sysimage/layers/tar.py", "tests/layers"),
        ("sysimage/destinations/registry/push.py", "tests/destinations"),
        ("sysimage/signals.py", "tests/test_signals.py"),
        ("bootstrap/sysimage_bootstrap/packages/lock.py", "tests/bootstrap/packages"),
        ("vmtests/sysimage_vm/disk.py", "tests/vm"),
        ("sysimage/absent/module.py", None),
    ],
)
def test_the_mirrored_tests_of_a_module(module: str, tests: str | None) -> None:
    assert mirrored(ROOT, Path(module)) == tests


def test_a_mutant_is_tried_with_the_tests_that_run_its_line_the_shortest_first(tmp_path: Path) -> None:
    document = tmp_path / "1.json"
    lines = {"a.py": {"1": [0], "5": [1, 2], "6": [2, 3], "7": [4], "8": [0, 1]}, "c.py": {"1": [0], "2": [1]}}
    seconds = {"slow": 9.0, "quick": 0.1, "other": 0.2, "broken": 0.0, "tests/test_c.py::beside": 0.3}
    document.write_text(json.dumps({"seconds": seconds, "failed": ["broken"], "lines": lines}))
    traces = Traces()
    traces.add(document)
    three = {"slow", "quick", "other"}
    beside = {"tests/test_c.py::beside"}
    assert traces.tests_of("a.py", range(5, 7)) == three
    assert traces.tests_of("a.py", range(1, 2)) == three, "while it is imported"
    assert traces.tests_of("a.py", range(8, 9)) == three, "then and later"
    assert traces.tests_of("a.py", range(7, 8)) == three, "a broken test notices nothing"
    assert traces.tests_of("b.py", range(1, 2)) == three | beside, "constants alone"
    assert traces.tests_of("c.py", range(1, 2)) == {"slow"} | beside, "a constant, and the tests beside the module"
    assert traces.tests_of("c.py", range(2, 3)) == {"slow"}
    assert traces.shortest({"slow", "quick", "other"}, 1.0) == ["quick", "other"]
    assert traces.shortest({"slow"}, 1.0) == ["slow"]


MODULE = """\
LIMIT = 7

def f(a):
    b = a + 1
    return b if a != LIMIT else b

class C:
    size = 3

    @staticmethod
    def g(a):
        return [each < 2 for each in a]
"""
TESTS = """\
from sysimage.room import a
from sysimage.room.a import C, f


def test_f():
    assert f(1) == 2


def test_g():
    assert C.g([1, 2]) == [True, False] and C.size == 3
    a.seen = True


def test_that_needs_the_one_before_it():
    assert a.seen and f(1) == 2
"""


@pytest.mark.programs  # several runs of pytest take seconds
def test_a_preference_that_no_test_is_about_survives_and_a_contract_does_not(tmp_path: Path) -> None:
    """The tool itself on a project of one module: changes in functions, in a class, and in a constant."""
    for folder in ("sysimage/room", "tests/room", "tests/mutants", "bootstrap", "vmtests/sysimage_vm", "tests/support"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("mutants/pytest_plugin.py", "mutants/forked.py", "support/properties.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    (tmp_path / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\nmarkers = ['programs: x']\npythonpath = ['.']\n"
    )
    (tmp_path / "sysimage/__init__.py").touch()
    (tmp_path / "sysimage/room/a.py").write_text(MODULE)
    (tmp_path / "tests/room/test_a.py").write_text(TESTS)
    verdicts = list(judged(tmp_path, sampled(tmp_path, Path("sysimage/room"), 99, 0), 1))
    assert {(each.case.mutant.line, each.killed) for each in verdicts} == {
        (1, False),
        (4, True),
        (5, False),
        (8, True),
        (12, True),
    }


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("def f(a):\n    return a < 1", "def f(a):\n    return a <= 1", ["f"]),
        ("class C:\n    def f(self):\n        return 1", "class C:\n    def f(self):\n        return 2", ["f"]),
        ("f = lambda: 1", "f = lambda: 2", ["<lambda>"]),
        ("def f():\n    return lambda: 1", "def f():\n    return lambda: 2", ["f", "<lambda>"]),
        ("def f(\n):\n    pass\ndef g(): pass", "def f(): pass\ndef g(): pass", []),
    ],
)
def test_what_functions_have_another_code(before: str, after: str, names: list[str]) -> None:
    changes = changed_code(compile(before, "a.py", "exec"), compile(after, "a.py", "exec"))
    assert [one.co_name for one, _ in changes] == names


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A = 1", "A = 2"),
        ("A = 1", "A = True"),
        ("class C:\n    a = 1", "class C:\n    a = 2"),
        ("def f(a=1):\n    pass", "def f(a=2):\n    pass"),
        ("A = list(b)\ndef f():\n    pass", "A = sorted(b)\ndef f():\n    pass"),
    ],
)
def test_what_is_made_while_a_module_is_imported_is_not_in_functions(before: str, after: str) -> None:
    with pytest.raises(NotInFunctionsError):
        list(changed_code(compile(before, "a.py", "exec"), compile(after, "a.py", "exec")))


@pytest.mark.slow
def test_functions_are_found_that_the_collector_leaves_alone() -> None:
    gc.collect()
    gc.freeze()
    assert mirrored in functions_by_file()[str(ROOT / "tests/mutants/__main__.py")]
    gc.freeze()  # as it was


def test_what_is_listed_as_equivalent_is_a_mutant() -> None:
    for module, before, after in EQUIVALENT:
        assert (before, after) in {(each.before, each.after) for each in mutants_of((ROOT / module).read_text())}

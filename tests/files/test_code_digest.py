"""What a cached thing was made by is all the code that may have a part in it, and nothing is missed."""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.files.code_digest import PYTHON_PACKAGES, Packages, code_digest, imports_in, library_version
from sysimage.store.paths import StorePath
from tests.support.examples import ROOT

OURS = Packages(
    {
        "sysimage": ROOT / "sysimage",
        **{name: ROOT / top / name for name, top in (("sysimage_bootstrap", "bootstrap"), ("sysimage_vm", "vmtests"))},
    }
)


Digesting = Callable[..., str]


def package(top: Path, files: Mapping[str, str]) -> Packages:
    for name, text in {"__init__.py": "", **files}.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return Packages({"pack": top})


@dataclass(frozen=True)
class Parsed:
    """What Python's own parser finds in a module."""

    imports: frozenset[str]
    numbers: frozenset[str]
    """Names of formats and versions that are numbers."""


@functools.cache
def parsed(path: Path) -> Parsed:
    tree = ast.parse(path.read_text())
    return Parsed(frozenset(imports_of(tree)), frozenset(numbers_of(tree)))


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names))


def numbers_of(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            value = node.value.value
            for target in map(ast.unparse, node.targets):
                number = isinstance(value, int) or (isinstance(value, str) and value.isdigit())
                if number and target.strip("_").endswith(("FORMAT", "VERSION")):
                    yield target


@pytest.mark.slow
def test_no_import_of_a_module_is_missed() -> None:
    missed = {
        name: parsed(Path(path)).imports - set(imports_in(Path(path).read_text()))
        for name, path in OURS.modules.items()
    }
    assert {name: imports for name, imports in missed.items() if imports} == {}
    assert len(missed) > 500


def test_every_form_of_import_is_seen() -> None:
    text = (
        "import a\nimport b.c as d, e\nfrom f import g as h  # noqa: F401 (yes)\n"
        "def k():\n    from l.m import (\n        n,  # why (not)\n        o as p,\n    )\n    import q\n"
    )
    assert set(imports_of(ast.parse(text))) == {"a", "b.c", "e", "f", "f.g", "l.m", "l.m.n", "l.m.o", "q"}
    assert set(imports_in(text)) == set(imports_of(ast.parse(text)))


@given(st.lists(st.sampled_from(["import ", "from ", "a.b", ",", "(", ")", "#", "\n", " as c"]), max_size=12))
def test_any_text_can_be_read_and_what_python_would_import_is_found(words: list[str]) -> None:
    """Docstrings and comments say "from" and "import", too."""
    text = "".join(words)
    found = set(imports_in(text))
    with contextlib.suppress(SyntaxError):
        assert found >= set(imports_of(ast.parse(text)))


def test_imports_are_followed_and_so_are_packages_above_and_files_beside(tmp_path: Path) -> None:
    files = {
        "one.py": "def f():\n    from pack.low import two\n",
        "low/__init__.py": "from pack.low.named import x\n",
        "low/two.py": 'import networkx\nSOURCE = Path(__file__).with_name("driver.py")\n',
        "low/named.py": "x = 1\n",
        "low/driver.py": "import json\n",
        "low/other.py": "",
        "low/boot.scm": "(",
        "low/.boot.scm.swp": "",
        "low/__pycache__/two.pyc": "",
        "other.py": "from pack import one\n",
    }
    made = package(tmp_path, files).follow(["pack.one"])
    names = {"__init__.py", "one.py", *(f"low/{name}" for name in ("__init__.py", "two.py", "named.py"))}
    assert {str(Path(path).relative_to(tmp_path)) for path in made.files.values()} == names | {
        "low/driver.py",
        "low/boot.scm",
    }
    assert made.libraries == {"networkx"}


def test_a_package_that_loads_its_modules_by_name_leads_to_all_of_them(tmp_path: Path) -> None:
    files = {
        "lazy/__init__.py": 'import importlib\nimportlib.import_module(f"{x}.one")\n',
        "lazy/one.py": "",
        "two.py": "",
    }
    assert set(package(tmp_path, files).follow(["pack.lazy"]).files) == {"pack", "pack.lazy", "pack.lazy.one"}


def test_a_module_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError):
        package(tmp_path, {}).follow(["pack.gone"])


@pytest.mark.parametrize(
    ("changed", "text", "same"),
    [
        ("low.py", "x = 2\n", False),
        ("boot.scm", ")", False),
        ("../one-1.dist-info/METADATA", "another version of a library", False),
        ("stranger.py", "x = 2\n", True),
        ("../stranger-1.dist-info/METADATA", "", True),
        ("__pycache__/low.pyc", "compiled again", True),
        (".low.py.swp", "an editor's", True),
    ],
)
def test_the_digest_changes_with_what_was_followed_alone(
    changed: str, text: str, same: bool, digest: Digesting, unchanged: str
) -> None:
    assert (digest({changed: text}) == unchanged) is same


def test_the_digest_is_the_same_in_every_process_and_for_makers_in_any_order(digest: Digesting, unchanged: str) -> None:
    assert digest({}, makers="g, f", hash_seed="2") == unchanged


def test_the_digest_is_over_versions_of_libraries_and_files_in_the_order_of_their_names() -> None:
    makers = ("sysimage.closure.closure", "sysimage.spec.model", "sysimage.destinations.registry.names")
    made = OURS.follow(makers)
    assert {"networkx", "pydantic"} <= made.libraries
    assert any(not path.endswith(".py") for path in made.files.values())
    lines = [
        sys.implementation.cache_tag,
        *(f"{name} {library_version(name)}" for name in sorted(made.libraries)),
        *(f"{name} {hashlib.sha256(Path(path).read_bytes()).hexdigest()}" for name, path in sorted(made.files.items())),
    ]
    assert code_digest(*makers) == hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert code_digest(*reversed(makers), StorePath, "sysimage.spec.model") == code_digest(*makers, StorePath)


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> Digesting:
    """Of the makers ``f`` and ``g``, which have modules and libraries, by a process of its own."""

    def digest(changes: Mapping[str, str], makers: str = "f, g", hash_seed: str = "1") -> str:
        top = tmp_path_factory.mktemp("code")
        files = {
            "one.py": "from pack.low import x\ndef f():\n    import one, two, three, four, five\n",
            "low.py": "x = 1\n",
            "high.py": "def g(): ...\n",
            "boot.scm": "(",
            "stranger.py": "",
            "../one-2.dist-info/METADATA": "",
            "../without_init/empty": "",
        }
        package(top / "pack", {**files, **changes})
        code = (
            "from pack.one import f; from pack.high import g; from sysimage.files import code_digest as c; "
            f"c.PYTHON_PACKAGES += ('pack', 'not_installed', 'without_init'); print(c.code_digest({makers}))"
        )
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(top), *sys.path]), "PYTHONHASHSEED": hash_seed}
        run = [sys.executable, "-c", code]
        return subprocess.run(run, env=environ, check=True, stdout=subprocess.PIPE, text=True).stdout

    return digest


@pytest.fixture(scope="module")
def unchanged(digest: Digesting) -> str:
    return digest({})


def test_every_library_that_we_import_has_a_version() -> None:
    libraries = OURS.follow(OURS.modules).libraries
    assert libraries > {"pydantic", "networkx", "elftools", "testinfra"}
    for name in sorted(libraries):
        assert library_version(name)[:1].isdigit(), name
    assert library_version("no_such_library") == ""


def test_all_our_packages_are_followed() -> None:
    assert set(PYTHON_PACKAGES) == {"sysimage", "sysimage_bootstrap", "sysimage_vm"}


def test_whatever_a_module_names_beside_itself_is_followed() -> None:
    data = [path for path in OURS.follow(OURS.modules).files.values() if not path.endswith(".py")]
    assert {"boot.scm", "activate.scm", "guest.json"} <= {Path(path).name for path in data}
    programs = [str(ROOT / "bootstrap/sysimage_bootstrap/building/bytecode_driver.py")]
    named = 0
    for name, path in OURS.modules.items():
        text = Path(path).read_text()
        for other in (*data, *programs):
            if f'"{Path(other).name}"' in text:
                assert other in OURS.follow([name]).files.values(), f"{name} reads {other}"
                named += 1
    assert named >= 2


BY_HAND = {
    ("sysimage.formats", "DOCUMENT_VERSION"),
    ("sysimage.layerplan.record", "FORMAT_VERSION"),
    ("sysimage.jars.items", "_FORMAT"),
    ("sysimage.npm_packages.items", "_FORMAT"),
    ("sysimage.wheels.items", "_VERSION"),
    ("sysimage.wheels.own_source", "_FORMAT"),
    ("sysimage_bootstrap.packages.lock", "FORMAT_VERSION"),
    ("sysimage_bootstrap.building.programs", "_FORMAT"),
    ("sysimage_bootstrap.planning.item_plan", "BUILDER_VERSION"),
    ("sysimage_bootstrap.store.recipe", "RECIPE_VERSION"),
    ("sysimage_bootstrap.store.registration", "REGISTRATION_FORMAT"),
    ("sysimage_bootstrap.system.boot", "BOOT_PROGRAM_VERSION"),
    ("sysimage_bootstrap.system.generated_items", "GENERATED_ITEMS_VERSION"),
    ("sysimage_bootstrap.system.trigger_items", "_FORMAT"),
}
"""Numbers that are part of store paths, of a file that belongs to the store, or of documents that others read: no
cached thing goes by them."""


def test_no_cache_goes_by_a_number_that_is_raised_by_hand() -> None:
    found = {(name, target) for name, path in OURS.modules.items() for target in parsed(Path(path)).numbers}
    assert found == BY_HAND

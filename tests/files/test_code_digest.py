"""What a cached thing was made by is all the code that may have a part in it, and nothing is missed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sysimage.files.code_digest import PACKAGES, Packages, imports_in, library_version
from tests.support.examples import ROOT

OURS = Packages(
    {
        "sysimage": ROOT / "sysimage",
        **{name: ROOT / top / name for name, top in (("sysimage_bootstrap", "bootstrap"), ("sysimage_vm", "vmtests"))},
    }
)


def package(top: Path, files: Mapping[str, str]) -> Packages:
    for name, text in {"__init__.py": "", **files}.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return Packages({"pack": top})


def parsed_imports(text: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_no_import_of_a_module_is_missed() -> None:
    texts = {name: Path(path).read_text() for name, path in OURS.modules.items()}
    missed = {name: parsed_imports(text) - set(imports_in(text)) for name, text in texts.items()}
    assert {name: imports for name, imports in missed.items() if imports} == {}
    assert len(texts) > 500


def test_every_form_of_import_is_seen() -> None:
    text = (
        "import a\nimport b.c as d, e\nfrom f import g as h  # noqa: F401 (yes)\n"
        "def k():\n    from l.m import (\n        n,  # why (not)\n        o as p,\n    )\n    import q\n"
    )
    assert parsed_imports(text) == {"a", "b.c", "e", "f", "f.g", "l.m", "l.m.n", "l.m.o", "q"}
    assert set(imports_in(text)) == parsed_imports(text)


def test_imports_are_followed_and_so_are_packages_above_and_files_beside(tmp_path: Path) -> None:
    files = {
        "one.py": "def f():\n    from pack.low import two\n",
        "low/__init__.py": "from pack.low.named import x\n",
        "low/two.py": 'import networkx\nSOURCE = Path(__file__).with_name("driver.py")\n',
        "low/named.py": "x = 1\n",
        "low/driver.py": "import json\n",
        "low/other.py": "",
        "low/boot.scm": "(",
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
        ("stranger.py", "x = 2\n", True),
        ("__pycache__/low.pyc", "compiled again", True),
        (".low.py.swp", "an editor's", True),
    ],
)
def test_the_digest_changes_with_what_was_followed_alone(changed: str, text: str, same: bool, tmp_path: Path) -> None:
    def digest(top: Path) -> str:
        code = "from pack.one import f; from sysimage.files import code_digest as c; c.PACKAGES += ('pack',); "
        run = [sys.executable, "-c", code + "print(c.code_digest(f))"]
        paths = os.pathsep.join([str(top), *sys.path])
        return subprocess.run(run, env={**os.environ, "PYTHONPATH": paths}, check=True, stdout=-1, text=True).stdout

    files = {
        "one.py": "from pack.low import x\ndef f(): ...\n",
        "low.py": "x = 1\n",
        "boot.scm": "(",
        "stranger.py": "",
    }
    package(tmp_path / "a/pack", files)
    package(tmp_path / "b/pack", {**files, changed: text})
    assert (digest(tmp_path / "a") == digest(tmp_path / "b")) is same


def test_every_library_that_we_import_has_a_version() -> None:
    libraries = OURS.follow(OURS.modules).libraries
    assert libraries > {"pydantic", "networkx", "elftools", "testinfra"}
    for name in sorted(libraries):
        assert library_version(name)[:1].isdigit(), name
    assert library_version("no_such_library") == ""


def test_all_our_packages_are_followed() -> None:
    assert set(PACKAGES) == {"sysimage", "sysimage_bootstrap", "sysimage_vm"}


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
    found = set()
    for name, path in OURS.modules.items():
        for node in ast.parse(Path(path).read_text()).body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                value = node.value.value
                for target in map(ast.unparse, node.targets):
                    number = isinstance(value, int) or (isinstance(value, str) and value.isdigit())
                    if number and target.strip("_").endswith(("FORMAT", "VERSION")):
                        found.add((name, target))
    assert found == BY_HAND

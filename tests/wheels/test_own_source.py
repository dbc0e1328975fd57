"""The user's own Python code is where the modules of wheels are, compiled, and counts before them."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

from sysimage.store.items import StoreItem
from sysimage.trees.division import LEAST_SIZE
from sysimage.trees.items import TreeStore
from sysimage.wheels.items import WheelItems
from sysimage.wheels.own_source import own_source, selection_of
from sysimage.wheels.target import Target
from sysimage_bootstrap.building.bytecode import Compiler
from tests.support.wheels import make_wheel
from tests.wheels.conftest import PYTHON, TARGET, wheel_items
from tests.wheels.test_place import placed

SITE = f"lib/python{PYTHON}/dist-packages"


def made(top: Path, items: WheelItems) -> list[StoreItem]:
    trees = TreeStore(items.store, top / "memory")
    return list(own_source(selection_of("src", top, ()), trees, items))


def write(top: Path, *paths: str) -> None:
    for path in paths:
        (top / "src" / path).parent.mkdir(parents=True, exist_ok=True)
        (top / "src" / path).write_text("x = 1\n")


def test_modules_are_beside_those_of_wheels_with_byte_code_of_their_places(tmp_path: Path, items: WheelItems) -> None:
    write(tmp_path, "shop/__init__.py", "shop/page.html", "run.py", "__pycache__/run.pyc", "shop/old.pyc")
    write(
        tmp_path, "shop/old.pyo", ".venv/x.py", "shop.egg-info/x", ".pytest_cache/x", ".mypy_cache/x", ".ruff_cache/x"
    )
    (tmp_path / "src/link.py").symlink_to("run.py")
    (item,) = made(tmp_path, items)
    assert (item.place / SITE / "link.py").readlink() == Path("run.py")
    (item.place / SITE / "link.py").unlink()
    assert item.source == "python-source"
    assert item.path.name == "python-source"
    assert item.shown is not None
    assert item.shown.top == "/usr/local"
    files = {str(path.relative_to(item.place / SITE)) for path in item.place.rglob("*") if path.is_file()}
    assert {path for path in files if "__pycache__" not in path} == {"shop/__init__.py", "shop/page.html", "run.py"}
    (compiled,) = (item.place / SITE / "__pycache__").glob("run.*")
    assert f"/usr/local/{SITE}/run.py".encode() in compiled.read_bytes()
    assert compiled.read_bytes()[:4] == importlib.util.MAGIC_NUMBER


def test_the_item_follows_from_the_source_and_the_python(tmp_path: Path, items: WheelItems) -> None:
    write(tmp_path, "run.py")
    (first,) = made(tmp_path, items)
    (again,) = made(tmp_path, items)
    assert again == first
    (tmp_path / "src/run.py").write_text("x = 2\n")
    (other,) = made(tmp_path, items)
    assert other.path != first.path
    another = wheel_items(items.store.root, replace(TARGET, package_version="3.9.9-9"))
    (for_another,) = made(tmp_path, another)
    assert for_another.path not in (first.path, other.path)


def test_a_source_without_modules_needs_no_python(tmp_path: Path, items: WheelItems) -> None:
    def no_python() -> Compiler:
        raise AssertionError("is asked for")

    write(tmp_path, "page.html")
    (item,) = made(tmp_path, replace(items, compiler=no_python))
    assert [path.name for path in (item.place / SITE).iterdir()] == ["page.html"]


def test_the_compiler_may_write_into_every_directory(tmp_path: Path, items: WheelItems) -> None:
    write(tmp_path, "run.py", "shop/__init__.py", "shop/deep/page.html")
    modes: list[tuple[bool, int]] = []

    def compiler() -> Compiler:
        draft = {path for path in items.store.root.rglob("*") if SITE in str(path) and not path.is_symlink()}
        modes.extend((path.is_dir(), path.stat().st_mode & 0o777) for path in draft)
        return items.compiler()

    made(tmp_path, replace(items, compiler=compiler))
    assert sorted(modes) == [(False, 0o444)] * 3 + [(True, 0o755)] * 3


def test_the_same_source_is_the_same_item_as_with_earlier_versions(tmp_path: Path) -> None:
    """Another form of the item needs another number in its recipe; then this changes, too."""
    target = Target("3.13", "3.13.5", "3.13.5-2", (2, 41), "amd64")
    write(tmp_path, "page.html")
    (item,) = made(tmp_path, wheel_items(tmp_path / "store", target))
    assert item.path.hash_part == "6z4jxjy4f9caqps48vcphrkjdwychns2"


def test_a_large_package_is_an_item_of_its_own(tmp_path: Path, items: WheelItems) -> None:
    write(tmp_path, "run.py", "data/__init__.py")
    (tmp_path / "src/data/large").write_bytes(bytes(LEAST_SIZE))
    assert [item.path.name for item in made(tmp_path, items)] == ["python-source", "python-source+data"]


def test_own_code_counts_before_that_of_wheels(tmp_path: Path, items: WheelItems) -> None:
    make_wheel(tmp_path / "wheels", "one", "1", {"one.py": "x = 'wheel'\n"})
    write(tmp_path, "one.py")
    result = placed(tmp_path, items, own=made(tmp_path, items))
    hidden = {
        item.path.name: item.shown.left_out for item in result.items if item.path in result.other_roots and item.shown
    }
    assert hidden["python-source"] == ()
    assert f"{SITE}/one.py" in hidden["python-one-1"]

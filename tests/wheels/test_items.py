"""A wheel becomes the same item everywhere, holds what an installer would install, and runs none of its code for it."""

from __future__ import annotations

import calendar
import errno
import marshal
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest
from installer.destinations import SchemeDictionaryDestination

from sysimage.errors import IntegrityError, MachineError
from sysimage.store.items import ShownFiles
from sysimage.wheels.fetch import WheelFile
from sysimage.wheels.items import WheelItems
from sysimage.wheels.lock_file import LockedWheel
from sysimage.wheels.target import Target
from sysimage_bootstrap.building.bytecode import Compiler
from tests.support.wheels import make_wheel, sha256
from tests.wheels.conftest import PYTHON, TARGET, wheel_items

FILES = {
    "greet/__init__.py": "GREETING = 'hello'\ndef main():\n    print(GREETING)\n",
    "greet/word.txt": "hello\n",
    "greet-1.0.data/scripts/shout": "#!python\nprint('HELLO')\n",
    "greet-1.0.data/data/share/greet/page": "text\n",
    "greet-1.0.data/headers/greet.h": "text\n",
    "greet-1.0.data/platlib/fast.txt": "text\n",
    "setup.py": "raise SystemExit('was run')\n",
    "broken.py": "this is no Python\n",
}
MODULES = f"lib/python{PYTHON}/dist-packages"


def wheel_file(place: Path) -> WheelFile:
    digest = sha256(place)
    return WheelFile(LockedWheel("greet", "1.0", frozenset({digest}), where="the lock"), place.name, digest)


def greet(directory: Path) -> Path:
    return make_wheel(directory, "greet", "1.0", FILES, scripts={"greet": "greet:main"})


def test_an_item_holds_what_an_installer_installs(items: WheelItems, tmp_path: Path) -> None:
    place = greet(tmp_path)
    item = items.item(wheel_file(place), place)
    top = item.location
    assert top is not None
    assert item.path.name == "python-greet-1.0"
    assert (top / MODULES / "greet/word.txt").read_text() == "hello\n"
    assert (top / "share/greet/page").read_text() == "text\n"
    assert (top / "bin/shout").read_text().startswith(f"#!/usr/bin/python{PYTHON}\n")
    assert (top / "bin/greet").stat().st_mode & 0o111
    assert (top / MODULES / "greet-1.0.dist-info/INSTALLER").read_text() == "sysimage\n"
    record = (top / MODULES / "greet-1.0.dist-info/RECORD").read_text()
    assert "../../../bin/greet," in record
    assert str(tmp_path) not in record
    assert (item.references, item.changed) == ((), (1769860800,))
    assert (top / f"include/python{PYTHON}/greet/greet.h").exists()
    assert (top / MODULES / "fast.txt").exists()
    assert items.store.facts(item.path) == {"wheel": place.name, "sha256": sha256(place), "purl": "pkg:pypi/greet@1.0"}
    assert (item.source, item.shown) == ("python-greet", ShownFiles(top="/usr/local"))
    assert items.item(wheel_file(place), None) == item


def test_an_item_that_the_store_lacks_needs_its_wheel(items: WheelItems, tmp_path: Path) -> None:
    place = make_wheel(tmp_path, "greet", "1.0", {"data.txt": "no module"})
    file = wheel_file(place)
    assert not items.has(file)
    with pytest.raises(IntegrityError) as caught:
        items.item(file, None)
    assert str(caught.value) == "cannot make the item of greet-1.0-py3-none-any.whl: the wheel is not there"

    def no_python() -> Compiler:
        raise AssertionError("is asked for")

    assert replace(items, compiler=no_python).item(file, place).path == items.path_of(file)
    assert items.has(file)


@pytest.mark.parametrize(("years", "changed"), [((1980, 1980), ()), ((1981, 1980), (347155262,)), ((2000, 2026), None)])
def test_an_item_is_as_old_as_the_newest_file_whose_time_is_known(
    items: WheelItems, tmp_path: Path, years: tuple[int, int], changed: tuple[int, ...] | None
) -> None:
    first = make_wheel(tmp_path / "first", "greet", "1.0", {"a.txt": ""})
    place = tmp_path / first.name
    with ZipFile(first) as before, ZipFile(place, "w") as after:
        for index, info in enumerate(before.infolist()):
            after.writestr(ZipInfo(info.filename, (years[index % 2], 1, 1, 0, 1, 2)), before.read(info))
    expected = (calendar.timegm((2026, 1, 1, 0, 1, 2)),) if changed is None else changed
    assert items.item(wheel_file(place), place).changed == expected


def test_byte_code_is_there_and_python_takes_it(items: WheelItems, tmp_path: Path) -> None:
    place = greet(tmp_path)
    top = items.item(wheel_file(place), place).location
    assert top is not None
    site = tmp_path / "site"
    shutil.copytree(top / MODULES, site)
    (compiled,) = site.glob("greet/__pycache__/*.pyc")
    code = marshal.loads(compiled.read_bytes()[16:])
    assert code.co_filename == f"/usr/local/{MODULES}/greet/__init__.py"
    (site / "greet/__init__.py").write_text("raise SystemExit('was compiled again')\n")
    words = [sys.executable, "-B", "-c", "import greet; greet.main()"]
    assert subprocess.run(words, env={"PYTHONPATH": str(site)}, capture_output=True, check=True).stdout == b"hello\n"
    assert not list(site.glob("__pycache__/broken*"))


def test_the_same_wheel_gives_the_same_item_in_every_store(tmp_path: Path) -> None:
    place = greet(tmp_path)
    made = [wheel_items(tmp_path / name).item(wheel_file(place), place) for name in ("one", "two")]
    assert made[0].path == made[1].path
    assert made[0].nar_hash == made[1].nar_hash


def test_another_wheel_and_another_python_give_another_item(tmp_path: Path) -> None:
    first, second = greet(tmp_path / "1"), make_wheel(tmp_path / "2", "greet", "1.0", {"greet.py": ""})
    items = wheel_items(tmp_path / "store")
    other = wheel_items(tmp_path / "store", replace(TARGET, package_version="3.9.9-9"))
    file = wheel_file(first)
    assert len({items.path_of(file), items.path_of(wheel_file(second)), other.path_of(file)}) == 3
    earlier = Target("3.13", "3.13.5", "3.13.5-2", (2, 41), "amd64")
    same = wheel_items(tmp_path / "store", earlier).path_of(replace(file, sha256="0" * 64))
    assert same.hash_part == "5g3b3rqhih81k8kss6czijzy0kk9g6cg", (
        "as earlier versions have it; another form needs another number"
    )
    odd = LockedWheel("greet~s", "1!0+a", file.wheel.hashes)
    assert items.path_of(WheelFile(odd, "x.whl", file.sha256)).name == "python-greet-s-1-0+a"


@pytest.mark.parametrize(
    ("files", "record", "cause"),
    [
        ({"x.py": "x = 1"}, False, "RECORD"),
        ({"../../../../outside": "x"}, True, "outside of the target directory"),
    ],
)
def test_a_wheel_that_is_not_sound_leaves_nothing(
    items: WheelItems, tmp_path: Path, files: dict[str, str], record: bool, cause: str
) -> None:
    place = make_wheel(tmp_path, "greet", "1.0", files, record=record)
    with pytest.raises(IntegrityError, match="it is not a sound wheel") as caught:
        items.item(wheel_file(place), place)
    assert caught.value.message == "cannot unpack greet-1.0-py3-none-any.whl: it is not a sound wheel"
    assert cause in str(caught.value)
    assert {issue.where for issue in caught.value.issues} == {"the lock"}
    assert not items.has(wheel_file(place))
    assert not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize(("number", "expected"), [(errno.EEXIST, IntegrityError), (errno.ENOSPC, MachineError)])
def test_a_fault_of_the_machine_is_not_the_fault_of_a_wheel(
    items: WheelItems, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    """Two files of a wheel at one path are a fault of the wheel."""
    place = make_wheel(tmp_path, "greet", "1.0", {"greet.py": ""})

    def fails(self: SchemeDictionaryDestination, *arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(SchemeDictionaryDestination, "write_to_fs", fails)
    with pytest.raises(expected) as caught:
        items.item(wheel_file(place), place)
    assert type(caught.value) is expected
    assert not items.has(wheel_file(place))


def test_what_is_not_an_archive_is_refused(items: WheelItems, tmp_path: Path) -> None:
    place = tmp_path / "greet-1.0-py3-none-any.whl"
    place.write_bytes(b"not a zip")
    with pytest.raises(IntegrityError, match="it is not a sound wheel"):
        items.item(wheel_file(place), place)

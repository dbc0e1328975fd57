"""The wheels of a lock file are in a system, each with what it needs there, and none in the way of another."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.progress import silent
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec import SystemSpec, parse_spec
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.wheels.fetch import WheelSource
from sysimage.wheels.items import WheelItems
from sysimage.wheels.place import with_wheels
from sysimage_bootstrap.cache_prune import prune
from tests.support.dynamic_elf import dynamic_elf
from tests.support.stores import make_item
from tests.support.wheels import make_wheel, sha256
from tests.wheels.conftest import PYTHON, wheel_items

SITE = f"/usr/local/lib/python{PYTHON}/dist-packages"


def spec() -> SystemSpec:
    python = '{"lock": "requirements.txt", "wheels": "wheels"}'
    return parse_spec(f'{{"name": "web", "packages": ["python3"], "python": {python}}}')


def system(top: Path, *entries: Entry) -> SystemResult:
    libc = replace(make_item(top, "libc6-2.41-12", {"lib/x86_64-linux-gnu/libc.so.6": "x"}), shown=ShownFiles())
    defaults = ImageDefaults((), (), None, {})
    return SystemResult(libc.path, None, (libc,), None, tuple(entries), defaults)


def placed(
    top: Path, items: WheelItems, *entries: Entry, cache: Path | None = None, own: Sequence[StoreItem] = ()
) -> SystemResult:
    """The system with every wheel of ``top/wheels``."""
    lines = []
    for place in sorted((top / "wheels").glob("*.whl")):
        name, version = place.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{sha256(place)}\n")
    (top / "requirements.txt").write_text("".join(lines))
    source = WheelSource(cache or top / "cache", {}, top / "wheels")
    return with_wheels(spec(), top, system(top, *entries), source, items, silent, own)


def test_each_wheel_is_an_item_and_a_root_of_its_own(tmp_path: Path, items: WheelItems) -> None:
    make_wheel(tmp_path / "wheels", "one", "1", {"one.py": ""})
    make_wheel(tmp_path / "wheels", "two", "2", {"two.py": ""})
    result = placed(tmp_path, items)
    assert [path.name for path in result.other_roots] == ["python-one-1", "python-two-2"]
    shown = [item.shown.top for item in result.items if item.path in result.other_roots and item.shown is not None]
    assert shown == ["/usr/local", "/usr/local"]
    assert result.system.name == "libc6-2.41-12"


def test_a_spec_without_python_has_the_system_as_it_is(tmp_path: Path, items: WheelItems) -> None:
    before = system(tmp_path)
    source = WheelSource(tmp_path / "cache", {})
    assert with_wheels(parse_spec('{"name": "web", "packages": []}'), tmp_path, before, source, items, silent) is before


def test_progress_counts_wheels_and_only_what_the_store_lacks_is_fetched(tmp_path: Path, items: WheelItems) -> None:
    said: list[tuple[str, int, int | None]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "", at: str = "") -> None:
        said.append((stage, done, total))

    places = [make_wheel(tmp_path / "w", name, "1", {f"{name}.txt": ""}) for name in ("one", "two")]
    lines = [
        f"[[packages]]\nname = '{name}'\nversion = '1'\nwheels = [{{path = 'w/{place.name}', hashes = "
        for name, place in zip(("one", "two"), places, strict=True)
    ]
    text = "".join(f"{line}{{sha256 = '{sha256(place)}'}}}}]\n" for line, place in zip(lines, places, strict=True))
    (tmp_path / "pylock.toml").write_text(f"lock-version = '1.0'\ncreated-by = 'x'\n{text}")
    asked = parse_spec('{"name": "web", "packages": ["python3"], "python": {"lock": "pylock.toml"}}')
    source = WheelSource(tmp_path / "cache", {}, offline=True)
    first = with_wheels(asked, tmp_path, system(tmp_path), source, items, progress)
    assert said == [("wheels", 1, 2), ("wheels", 2, 2)]
    for place in places:
        place.unlink()
    (tmp_path / "again").mkdir()
    again = with_wheels(asked, tmp_path, system(tmp_path / "again"), source, items, silent)
    assert again.other_roots == first.other_roots


def test_of_two_files_with_one_name_the_first_counts(
    tmp_path: Path, items: WheelItems, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("one", "two", "three"):
        make_wheel(
            tmp_path / "wheels", name, "1", {"tests/__init__.py": "x = 1" if name == "two" else "", f"{name}.py": ""}
        )
    with caplog.at_level(logging.WARNING):
        result = placed(tmp_path, items)
    hidden = {
        item.path.name: item.shown.left_out for item in result.items if item.path in result.other_roots and item.shown
    }
    assert hidden["python-one-1"] == ()
    assert f"lib/python{PYTHON}/dist-packages/tests/__init__.py" in hidden["python-two-1"]
    assert f"lib/python{PYTHON}/dist-packages/tests/__init__.py" in hidden["python-three-1"]
    told = [record.getMessage() for record in caplog.records]
    assert any(
        f"{SITE}/tests/__init__.py is that of python-one-1; python-two-1 has another one" in line for line in told
    )
    assert not any("python-three-1 has another one" in line and "__init__.py is" in line for line in told)


def test_a_program_of_another_architecture_is_refused(tmp_path: Path, items: WheelItems) -> None:
    make_wheel(
        tmp_path / "wheels",
        "wrong",
        "1",
        {"wrong.so": dynamic_elf(machine=183)},
        tag=f"cp{PYTHON.replace('.', '')}-abi3-linux_x86_64",
    )
    with pytest.raises(SpecError) as caught:
        placed(tmp_path, items)
    assert str(caught.value) == (
        "cannot put the Python packages of web into the image\n"
        f"  /python/lock: python-wrong-1: {SITE}/wrong.so is for another architecture than amd64"
    )


def test_libraries_are_found_beside_the_wheel_s_own_and_in_the_system(tmp_path: Path, items: WheelItems) -> None:
    tag = f"cp{PYTHON.replace('.', '')}-abi3-manylinux_2_28_x86_64"
    files = {
        "fast/core.so": dynamic_elf(["libc.so.6", "libblas-1.so"], "$ORIGIN/../fast.libs"),
        "fast.libs/libblas-1.so": dynamic_elf(["libc.so.6"]),
    }
    make_wheel(tmp_path / "wheels", "fast", "1", files, tag=tag)
    assert [path.name for path in placed(tmp_path, items).other_roots] == ["python-fast-1"]


def test_a_library_that_is_nowhere_names_the_package_to_add(tmp_path: Path, items: WheelItems) -> None:
    tag = f"cp{PYTHON.replace('.', '')}-abi3-manylinux_2_28_x86_64"
    files = {"a.so": dynamic_elf(["libstdc++.so.6"]), "b.so": dynamic_elf(["libstdc++.so.6", "libodd.so.1"])}
    make_wheel(tmp_path / "wheels", "fast", "1", files, tag=tag)
    with pytest.raises(SpecError) as caught:
        placed(tmp_path, items)
    assert [issue.message.partition(": ")[2].rpartition("/")[2] for issue in caught.value.issues] == [
        'b.so needs libodd.so.1, which the image lacks: add the Debian package that has it to "packages"',
        'a.so needs libstdc++.so.6, which the image lacks: add "libstdc++6" to "packages"',
    ]


def test_a_file_in_the_place_of_a_directory_is_refused(tmp_path: Path, items: WheelItems) -> None:
    make_wheel(tmp_path / "wheels", "one", "1", {"one.py": ""})
    with pytest.raises(SpecError) as caught:
        placed(tmp_path, items, Entry.directory(f"{SITE}/one.py"))
    assert f"has a file at {SITE}/one.py, which is a directory" in str(caught.value)


def test_the_items_of_a_build_that_may_come_again_are_not_forgotten(tmp_path: Path) -> None:
    """The cache is laid out as a build's: the store and what notes of wheels there are."""
    cache = tmp_path / "cache"
    items = wheel_items(cache / "store")
    make_wheel(tmp_path / "wheels", "one", "1", {"one.py": ""})
    (path,) = placed(tmp_path, items, cache=cache / "wheels").other_roots
    registered = cache / "store/var/sysimage/registered/gnu/store" / path.base_name
    os.utime(registered, (1, 1))
    prune(cache, time.time_ns() - 10**12)
    assert registered.exists()
    (note,) = (cache / "wheels/used").glob("*.memo")
    os.utime(note, (1, 1))
    prune(cache, time.time_ns() - 10**12)
    assert not registered.exists()

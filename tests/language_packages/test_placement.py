"""Items of language packages beside each other: which file counts, what is in the way, and what programs lack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.language_packages.placement import (
    PlacedItem,
    contradictions,
    missing_libraries,
    programs_of,
    without_duplicates,
)
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.store.items import ShownFiles
from tests.support.dynamic_elf import dynamic_elf
from tests.support.stores import make_item

TOP = "/srv/app"
Files = Mapping[str, str | bytes | None]


def placed(top: Path, **items: Files) -> list[PlacedItem]:
    return [PlacedItem.of(make_item(top, name, files)) for name, files in items.items()]


def system(top: Path, *entries: Entry, shown: Files | None = None, hidden: Files | None = None) -> SystemResult:
    """A system with an item that is in /usr, one that is not, and one that is not on this machine."""
    first = make_item(top, "shown-1", shown or {})
    second = make_item(top, "hidden-1", hidden or {})
    absent = replace(make_item(top, "absent-1", {}), location=None, shown=ShownFiles())
    items = (absent, second, replace(first, shown=ShownFiles()))
    return SystemResult(first.path, None, items, None, tuple(entries), ImageDefaults((), (), None, {}))


def test_an_item_has_its_files_and_links_in_the_order_of_their_paths(tmp_path: Path) -> None:
    (one,) = placed(tmp_path, one={"b/z": "", "b/a": "->z", "a.txt": "", "c": None, "b-c": "", "d": "->b"})
    assert one.files == ("a.txt", "b-c", "b/a", "b/z")
    assert one.name == "one"


def test_of_two_files_with_one_name_the_first_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    items = placed(
        tmp_path,
        one={"bin/run": "1", "same": "s", "link": "->a"},
        two={"bin/run": "2", "same": "s", "own": "2", "link": "->b"},
        three={"bin/run": "1", "own": "2", "same": "->s"},
        four={"own.txt": ""},
    )
    found = list(without_duplicates(items, TOP))
    assert [item.path.name for item in found] == ["one", "two", "three", "four"]
    assert [item.shown for item in found] == [
        None,
        ShownFiles(("bin/run", "link", "same"), top=TOP),
        ShownFiles(("bin/run", "own", "same"), top=TOP),
        None,
    ]
    assert caplog.messages == [
        "/srv/app/bin/run is that of one; two has another one",
        "/srv/app/link is that of one; two has another one",
    ]


def test_what_is_in_the_way_of_an_item_is_named(tmp_path: Path) -> None:
    entries = (
        Entry.directory(f"{TOP}/a", owner="x"),
        Entry.file(f"{TOP}/b", b""),
        Entry.file(f"{TOP}/c", b""),
        Entry.file("/srv", b""),
        Entry.directory(f"{TOP}/d"),
        Entry.symlink(f"{TOP}/d/e", "f"),
    )
    items = placed(tmp_path, one={"a": "", "b/x/y": "", "c": "", "d/e/f": "", "g/h": ""})
    assert [(issue.where, issue.message) for issue in contradictions(items, TOP, system(tmp_path, *entries), "/x")] == [
        ("/x", "one has a file at /srv/app/a, which is a directory"),
        ("/x", "one has /srv/app/b/x/y, and /srv/app/b is not a directory"),
        ("/x", "one has /srv/app/d/e/f, and /srv/app/d/e is not a directory"),
    ]


def test_dynamically_linked_files_are_programs_and_damaged_ones_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elf = dynamic_elf(["libc.so.6"])
    items = placed(tmp_path, one={"a.so": elf, "b": "text", "c.so": elf[:100], "d.so": "->a.so"}, two={"e": elf})
    assert [(one.placed.name, one.path, one.elf.needed) for one in programs_of(items, TOP)] == [
        ("one", "a.so", ("libc.so.6",)),
        ("two", "e", ("libc.so.6",)),
    ]
    (said,) = caplog.messages
    assert said.startswith("/srv/app/c.so of one cannot be read as a program: ")


def missing(top: Path, machine: SystemResult, **items: Files) -> list[str]:
    found = placed(top, **items)
    issues = missing_libraries(programs_of(found, TOP), found, TOP, machine, "amd64", "/x")
    return [f"{issue.where}: {issue.message}" for issue in issues]


def test_a_library_is_found_in_the_system_in_the_package_or_by_a_runpath(tmp_path: Path) -> None:
    machine = system(
        tmp_path,
        shown={
            "lib/x86_64-linux-gnu/a.so": "",
            "lib/b.so": "->nowhere",
            "lib64/c.so": "",
            "lib/aarch64-linux-gnu/other.so": "",
        },
        hidden={"lib/hidden.so": ""},
    )
    files: dict[str, Files] = {
        "one": {
            "x/1": dynamic_elf(["a.so", "b.so", "c.so", "inside.so"]),
            "x/2": dynamic_elf(["far.so"], runpath="/nowhere:$ORIGIN/../libs"),
            "x/3": dynamic_elf(["far.so"], runpath="${ORIGIN}/../libs"),
            "y/z/inside.so": "",
        },
        "two": {"libs/far.so": ""},
    }
    assert missing(tmp_path, machine, **files) == []
    lacking: dict[str, Files] = {
        "three": {"q": dynamic_elf(["libz.so.1", "other.so"]), "p": dynamic_elf(["libz.so.1"])},
        "four": {"r": dynamic_elf(["hidden.so"]), "s": dynamic_elf(["far.so"], runpath="$ORIGIN")},
        "five": {"far.so": ""},
    }
    unknown = 'which the image lacks: add the Debian package that has it to "packages"'
    assert missing(tmp_path, machine, **lacking) == [
        f"/x: four: r needs hidden.so, {unknown}",
        '/x: three: p needs libz.so.1, which the image lacks: add "zlib1g" to "packages"',
        f"/x: three: q needs other.so, {unknown}",
    ]

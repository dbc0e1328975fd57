"""Items with what triggers make of all packages together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import MachineError
from sysimage.notices import listen_to_notices
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.trigger_items import trigger_items
from sysimage_bootstrap.triggers.merged_tree import MergedTree
from tests.bootstrap.system.packages import installed

NO_PROGRAM: Any = None
SHELL = "/bin/sh"


@dataclass(frozen=True)
class Program:
    """A shell that stands for the program of a trigger: it lists what it finds in the directory that it is given."""

    argv: Sequence[str | Path] = (SHELL, "-c", 'ls "$0" > "$0/made"')
    top: Path = Path("/nonexistent")


def test_a_trigger_whose_program_and_files_are_there_makes_an_item(tmp_path: Path) -> None:
    schemas = "/usr/share/glib-2.0/schemas"
    tree = MergedTree.of({f"{schemas}/b.gschema.xml": b"b", f"{schemas}/a.gschema.xml": b"a", f"{schemas}/x": b"x"})
    library = installed(tmp_path, "libglib2.0-0t64", {"share/": ""})
    mime = installed(tmp_path, "shared-mime-info", {"share/": ""})
    store = ItemStore(tmp_path, "/gnu/store")
    asked: list[tuple[str, tuple[str, ...]]] = []

    @contextmanager
    def assemble(name: str, paths: Sequence[str]) -> Iterator[Program]:
        asked.append((name, tuple(paths)))
        yield Program()

    (item,) = trigger_items(tree, [library, mime], assemble, "x86_64-linux-gnu", store)
    assert asked == [("gschemas.compiled", ("lib/{triplet}/glib-2.0/glib-compile-schemas",))]
    top = store.location(item.path)
    assert [str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()] == ["share/glib-2.0/schemas/made"]
    assert {"a.gschema.xml", "b.gschema.xml"} < set((top / "share/glib-2.0/schemas/made").read_text().split())
    assert trigger_items(tree, [mime], assemble, "x86_64-linux-gnu", store) == ()
    assert len(asked) == 1
    newer = installed(tmp_path / "new", "libglib2.0-0t64", {"share/": ""}, version="2")
    (other,) = trigger_items(tree, [newer], assemble, "x86_64-linux-gnu", store)
    assert other.path != item.path, "another version may make other bytes"


@pytest.mark.parametrize("has_modules", [True, False])
def test_modules_that_this_machine_cannot_load_are_left_out_with_a_notice(tmp_path: Path, *, has_modules: bool) -> None:
    triplet = "x86_64-linux-gnu"
    path = f"lib/{triplet}/gio/modules/a.so" if has_modules else "share/glib-2.0/schemas/a.gschema.xml"
    asked: list[tuple[str, ...]] = []

    def assemble(name: str, paths: Sequence[str]) -> Any:
        asked.append(tuple(paths[1:]))
        raise MachineError("cannot run it: no such processor")

    def made() -> tuple[object, ...]:
        library = installed(tmp_path, "libglib2.0-0", {"share/": ""})
        store = ItemStore(tmp_path / "store", "/gnu/store")
        return trigger_items(MergedTree.of({f"/usr/{path}": b"m"}), [library], assemble, triplet, store)

    notices: list[str] = []
    with listen_to_notices(notices.append):
        if has_modules:
            assert made() == ()
        else:
            with pytest.raises(MachineError):
                made()
    assert notices == (["the image has no giomodule.cache: cannot run it: no such processor"] if has_modules else [])
    assert asked == [(path,)] if has_modules else asked == [()]


def test_the_caches_of_icons_are_one_item(tmp_path: Path) -> None:
    icons = {"index.theme": b"", "48x48/apps/go.png": b""}
    tree = MergedTree.of(
        {
            "/usr/bin/gtk-update-icon-cache": b"",
            **{f"/usr/share/icons/{theme}/{path}": text for theme in ("a", "b") for path, text in icons.items()},
        }
    )
    store = ItemStore(tmp_path, "/gnu/store")
    (item,) = trigger_items(tree, [], NO_PROGRAM, "x86_64-linux-gnu", store)
    assert item.path.name == "icon-caches"
    top = store.location(item.path)
    found = sorted(str(path.relative_to(top)) for path in top.rglob("*.cache"))
    assert found == ["share/icons/a/icon-theme.cache", "share/icons/b/icon-theme.cache"]

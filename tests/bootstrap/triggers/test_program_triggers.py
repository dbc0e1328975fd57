"""A trigger's program works on copies of what the packages have, and what it writes is an item that /usr shows."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sysimage.errors import MachineError
from sysimage.notices import listen_to_notices
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.building.trigger_programs import native_triggers
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.system import build_system
from sysimage_bootstrap.triggers.merged_tree import MergedTree
from sysimage_bootstrap.triggers.program_triggers import TRIGGERS, inputs, make, trigger_for
from tests.bootstrap.debs.made_debs import package_of
from tests.bootstrap.system.packages import make_packages

SCHEMAS, MIME, LOADERS, GIO = TRIGGERS
JOINING = """import pathlib, sys
top = pathlib.Path(sys.argv[1])
text = "".join(f"{path.relative_to(top)}\\n" for path in sorted(top.rglob("*")) if path.is_file())
(top / "made").write_text(text)
"""
"""Stands for a program: it writes the names of what it finds."""


@dataclass(frozen=True)
class Fake:
    argv: Sequence[str | Path] = (sys.executable, "-c", JOINING)
    top: Path = Path("/nonexistent")


def test_a_trigger_reads_its_own_files_wherever_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"real")
    tree = MergedTree.of(
        {
            "/usr/share/glib-2.0/schemas/a.gschema.xml": tmp_path / "real",
            "/usr/share/glib-2.0/schemas/b.gschema.override": b"declared",
            "/usr/share/glib-2.0/schemas/c.enums.xml": "a.gschema.xml",
            "/usr/share/glib-2.0/schemas/gone.gschema.xml": "nowhere",
            "/usr/share/glib-2.0/schemas/gschema.dtd": b"not read",
            "/usr/share/glib-2.0/schemas/below/d.gschema.xml": b"not read",
        }
    )
    assert inputs(SCHEMAS, tree) == {
        "a.gschema.xml": b"real",
        "b.gschema.override": b"declared",
        "c.enums.xml": b"real",
    }


@pytest.mark.programs
def test_what_is_read_is_not_part_of_what_is_made(tmp_path: Path) -> None:
    make(MIME, {"packages/a.xml": b"a"}, Fake(), tmp_path)
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()) == [
        Path("share/mime/made")
    ]
    assert (tmp_path / "share/mime/made").read_text() == "packages/a.xml\n"
    assert not (tmp_path / "share/mime/packages").exists()


@pytest.mark.programs
def test_a_system_shows_what_triggers_make_in_usr(tmp_path: Path) -> None:
    asked = []

    @contextmanager
    def assemble(what: str, needs: Sequence[str]) -> Iterator[Fake]:
        asked.append((what, needs))
        yield Fake()

    def names(schema: str) -> list[str]:
        spec = SystemSpec.model_validate({"name": "x", "packages": []})
        store = ItemStore(tmp_path / "store", spec.store.store_dir)
        packages = {"libglib2.0-0t64": {"bin/x": "#!x"}, "app": {"share/glib-2.0/schemas/app.gschema.xml": schema}}
        items, facts = make_packages(store, packages)
        result = build_system(spec, tmp_path, items, facts, store, assemble=assemble)
        made = next(item for item in result.items if item.path.name == "gschemas.compiled")
        assert made.shown is not None
        assert made.location is not None
        assert (made.location / "share/glib-2.0/schemas/made").read_text() == "app.gschema.xml\n"
        return [item.path.name for item in result.items if item.shown is not None]

    assert "gschemas.compiled" in names("one")
    assert "mime-database" not in names("one"), "its program is not there"
    assert len(asked) == 1, "what was made is not made again"
    names("two")
    assert asked == [("gschemas.compiled", (SCHEMAS.program,))] * 2


@pytest.mark.programs
def test_what_modules_are_is_asked_of_them_in_the_programs_own_tree(tmp_path: Path) -> None:
    own = tmp_path / "own"
    for trigger, script in (
        (LOADERS, "import os, pathlib; print(*sorted(pathlib.Path(os.environ['GDK_PIXBUF_MODULEDIR']).iterdir()))"),
        (GIO, "import pathlib, sys; p = pathlib.Path(sys.argv[1]); (p / 'giomodule.cache').write_text(str(p))"),
    ):
        there = trigger_for(trigger, "x86_64-linux-gnu")
        place = own / there.directory
        (place / "loaders").mkdir(parents=True)
        (place / "loaders/svg.so").write_bytes(b"raw")
        make(there, {"loaders/svg.so": b"relinked"}, Fake((sys.executable, "-c", script), own), tmp_path / there.name)
    made = tmp_path / LOADERS.name / "lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0"
    assert [path.name for path in made.iterdir()] == ["loaders.cache"]
    assert (made / "loaders.cache").read_text().split() == [
        "/usr/lib/x86_64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders/svg.so"
    ]
    made = tmp_path / GIO.name / "lib/x86_64-linux-gnu/gio/modules"
    assert (made / "giomodule.cache").read_text() == "/usr/lib/x86_64-linux-gnu/gio/modules"


def test_modules_of_another_architecture_are_left_to_the_programs_that_load_them(tmp_path: Path) -> None:
    @contextmanager
    def assemble(what: str, needs: Sequence[str]) -> Iterator[Fake]:
        raise MachineError(f"cannot run {what}")
        yield Fake()

    spec = SystemSpec.model_validate({"name": "x", "packages": [], "architecture": "arm64"})
    store = ItemStore(tmp_path / "store", spec.store.store_dir)
    packages = {"libgdk-pixbuf-2.0-0": {"lib/aarch64-linux-gnu/gdk-pixbuf-2.0/2.10.0/loaders/svg.so": "x"}}
    items, facts = make_packages(store, packages)
    said: list[str] = []
    with listen_to_notices(said.append):
        build_system(spec, tmp_path, items, facts, store, assemble=assemble)
    assert said == ["the image has no loaders.cache: cannot run gdk-pixbuf-loaders"]


def test_a_system_of_another_architecture_asks_for_this_machines_programs() -> None:
    packages = [package_of(name, b"") for name in ("libglib2.0-0t64", "libglib2.0-bin", "shared-mime-info", "bash")]
    assert native_triggers(packages) == ("libglib2.0-0t64=1.0-1", "shared-mime-info=1.0-1")
    assert all(re.fullmatch(r"[\w./{}-]+", trigger.program) for trigger in TRIGGERS)

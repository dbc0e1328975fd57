"""Guix builds the systems of docs/from-guix.md, those that other tests boot."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sysimage.containers.namespaces import UnpackedImage
from sysimage.store.query.registration import parse_registration
from sysimage.verify import verify_image
from tests.guix.conftest import HERE, Guix, booted
from tests.support.examples import ROOT, build_spec
from tests.support.foreign_systems import KEPT, ForeignSystem

OPTIONS = {"GUIX_BUILD_OPTIONS": "--no-grafts --no-substitutes", "HOME": "/root", "LC_ALL": "C"}
PAGE = (ROOT / "docs" / "from-guix.md").read_text()


@dataclass(frozen=True)
class Workshop:
    """Guix in a container, with the page's files, and packages filled with Debian's programs where they are needed."""

    guix: Guix
    usr: str
    """The item that stands for /usr."""
    stores: tuple[Path, Path]
    """The store's directories of this machine: what Guix built, and what the image has."""

    def run(self, command: str) -> str:
        """The last word that a command line of the page prints; its paths lead where they lead for a reader."""
        done = self.guix.system.run(["sh", "-c", f"cd /root && {command}"], env=OPTIONS)
        assert done.returncode == 0, f"{command}: {done.stderr[-4000:]}"
        return (done.stdout.split() or [""])[-1]

    def dumped(self, item: str) -> str:
        """What an item needs, as Guix' daemon has it in its database."""
        return "\n".join(self.guix.script(HERE / "export.scm", item)) + "\n"

    def system(self, path: str, top: Path) -> ForeignSystem:
        """A built system, copied out of the container with all it needs."""
        (top / "registration").write_text(self.dumped(path))
        (top / "store").mkdir()
        self.copy(path, top / "store")
        return ForeignSystem(path, top / "registration", top / "store", self.usr)

    def copy(self, path: str, target: Path) -> None:
        """Copy an item and all that it needs into another store's directory."""
        for name in (facts.path.base_name for facts in parse_registration(self.dumped(path))):
            if not os.path.lexists(target / name):
                place = next(store for store in self.stores if os.path.lexists(store / name))
                subprocess.run(["cp", "-a", place / name, target], check=True)


@pytest.fixture(scope="module")
def workshop(image: UnpackedImage) -> Iterator[Workshop]:
    with booted(image, upper="systems") as guix:
        files = {f"examples/guix/{name}": ROOT / "examples" / "guix" / name for name in ("machine.scm", "sysimage.scm")}
        for place, file in {**files, "plain/sysimage.scm": HERE / "plain" / "sysimage.scm"}.items():
            command = 'mkdir -p "/root/${2%/*}" && printf %s "$1" > "/root/$2"'
            assert guix.system.run(["sh", "-c", command, "sh", file.read_text(), place]).returncode == 0
        stores = (image.written("systems") / "gnu/store", image.root / "gnu/store")
        made = Workshop(guix, "", stores)
        usr = ""
        for directory in ("examples/guix", "plain"):
            drv = made.run(f"guix system build -L {directory} --derivation examples/guix/machine.scm")
            usr = usr or guix.script(HERE / "provide.scm", drv)[-1].split()[0]
        yield Workshop(guix, usr, stores)


@pytest.fixture(scope="module")
def machine(workshop: Workshop) -> str:
    command = "guix system build -L examples/guix --root=result examples/guix/machine.scm"
    assert f"$ {command}\n" in PAGE
    return workshop.run(command)


def test_guix_builds_the_systems_that_are_kept_for_the_tests(machine: str, workshop: Workshop) -> None:
    plain = workshop.run("guix system build -L plain examples/guix/machine.scm")
    kept = dict(line.split() for line in (KEPT / "guix" / "systems").read_text().splitlines())
    assert {"machine": machine, "plain": plain} == kept
    built = {facts.path: facts for system in kept.values() for facts in parse_registration(workshop.dumped(system))}
    for facts in parse_registration((KEPT / "guix" / "registration").read_text()):
        # Profiles and compiled files follow from Debian's programs, too.
        if facts.path.name.endswith((".scm", ".conf")) or facts.path.name in (
            "boot",
            "boot-program",
            "etc",
            "gc-roots",
        ):
            assert built[facts.path] == facts


def test_items_of_a_built_system_mention_only_their_references(
    machine: str, workshop: Workshop, tmp_path: Path
) -> None:
    (tmp_path / "machine.json").write_text(json.dumps(workshop.system(machine, tmp_path).spec()))
    build_spec(tmp_path / "machine.json", tmp_path / "machine.tar", "--check-references")
    verify_image(tmp_path / "machine.tar")

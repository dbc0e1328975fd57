"""Guix builds the systems of docs/from-guix.md, those that other tests boot; one boots here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysimage.containers.namespaces import UnpackedImage
from sysimage.store.query.registration import parse_registration
from sysimage.verify import verify_image
from tests.guix.conftest import HERE, Guix, booted
from tests.support.builds import build_from_store
from tests.support.examples import ROOT
from tests.support.foreign_systems import KEPT
from tests.support.namespaces import boot, unpack

OPTIONS = {"GUIX_BUILD_OPTIONS": "--no-grafts --no-substitutes", "HOME": "/root", "LC_ALL": "C"}
PAGE = (ROOT / "docs" / "from-guix.md").read_text()


@dataclass(frozen=True)
class Workshop:
    """Guix in a container, with the page's files, and packages filled with Debian's programs where they are needed."""

    guix: Guix
    usr: str

    def run(self, command: str) -> str:
        """The last word that a command line of the page prints; its paths lead where they lead for a reader."""
        done = self.guix.system.run(["sh", "-c", f"cd /root && {command}"], env=OPTIONS)
        assert done.returncode == 0, f"{command}: {done.stderr[-4000:]}"
        return (done.stdout.split() or [""])[-1]

    def dumped(self, item: str) -> str:
        """What an item needs, as Guix' daemon has it in its database."""
        return "\n".join(self.guix.script(HERE / "export.scm", item)) + "\n"

    def source(self, item: str, workspace: Path) -> dict[str, Any]:
        """How a spec reads what Guix has built: SQLite itself would not find its database through /proc."""
        (workspace / "registration").write_text(self.dumped(item))
        location = f"/proc/{self.guix.system.container.pid}/root/gnu/store"
        return {"source": "registration", "location": location, "check": True}


@pytest.fixture(scope="module")
def workshop(image: UnpackedImage) -> Iterator[Workshop]:
    with booted(image) as guix:
        files = {f"examples/guix/{name}": ROOT / "examples" / "guix" / name for name in ("machine.scm", "sysimage.scm")}
        for place, file in {**files, "plain/sysimage.scm": HERE / "plain" / "sysimage.scm"}.items():
            command = 'mkdir -p "/root/${2%/*}" && printf %s "$1" > "/root/$2"'
            assert guix.system.run(["sh", "-c", command, "sh", file.read_text(), place]).returncode == 0
        made = Workshop(guix, "")
        usr = ""
        for directory in ("examples/guix", "plain"):
            drv = made.run(f"guix system build -L {directory} --derivation examples/guix/machine.scm")
            usr = usr or guix.script(HERE / "provide.scm", drv)[-1].split()[0]
        yield Workshop(guix, usr)


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


def test_the_image_of_a_system_that_guix_built_boots_and_stops(
    machine: str, workshop: Workshop, tmp_path: Path
) -> None:
    source = {"system": machine, **workshop.source(machine, tmp_path)}
    spec = {"name": "machine", "from-store": source, "symlinks": {"/usr": workshop.usr}}
    build_from_store(tmp_path, json.loads(json.dumps(spec)), tmp_path / "machine.tar", compression="none")
    assert verify_image(tmp_path / "machine.tar").store_kind == "guix"
    with unpack(tmp_path / "machine.tar") as files, boot(files) as system:
        log = ["/bin/sh", "-c", "cat /var/log/greeter.log"]
        system.wait_for("the greeter", lambda: "hello from alice" in system.run(log).stdout)
        assert system.stop() == 0

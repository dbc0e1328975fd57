"""Guix builds the systems of docs/from-guix.md, those that other tests boot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sysimage.containers.namespaces import UnpackedImage
from sysimage.store.query.registration import parse_registration
from tests.guix.conftest import HERE, Guix, booted
from tests.support.examples import ROOT
from tests.support.foreign_systems import KEPT

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

"""Guix builds the systems of docs/from-guix.md, those that other tests boot, and one of them boots here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysimage.store.query.registration import parse_registration
from sysimage.verify import verify_image
from tests.guix.conftest import HERE, Guix
from tests.support.builds import build_from_store
from tests.support.examples import ROOT
from tests.support.foreign_systems import KEPT
from tests.support.namespaces import Booted, boot, unpack

EXAMPLES = ROOT / "examples" / "guix"
OPTIONS = {"GUIX_BUILD_OPTIONS": "--no-grafts --no-substitutes", "HOME": "/root", "LC_ALL": "C"}


def put(system: Booted, path: Path, place: str) -> None:
    command = 'mkdir -p "${2%/*}" && printf %s "$1" > "$2"'
    assert system.run(["sh", "-c", command, "sh", path.read_text(), place]).returncode == 0


def guix_system(guix: Guix, command: str) -> str:
    """The last line of what a command line prints; they are the page's, run where its paths lead."""
    done = guix.system.run(["sh", "-c", f"cd /root && {command}"], env=OPTIONS)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.split()[-1]


@pytest.fixture
def systems(guix: Guix) -> dict[str, str]:
    for file in EXAMPLES.iterdir():
        put(guix.system, file, f"/root/examples/guix/{file.name}")
    put(guix.system, HERE / "plain" / "sysimage.scm", "/root/plain/sysimage.scm")
    made = {}
    for name, directory in (("machine", "examples/guix"), ("plain", "plain")):
        command = f"guix system build -L {directory} --root={name} examples/guix/machine.scm"
        drv = guix_system(guix, f"{command} --derivation")
        lines = guix.script(HERE / "provide.scm", drv)
        made[name] = guix_system(guix, command)
        made.setdefault("/usr", lines[-1].split()[0])
    return made


def test_guix_builds_the_systems_that_are_kept_for_the_tests(
    systems: dict[str, str],
    guix: Guix,
    tmp_path: Path,
) -> None:
    kept = dict(line.split() for line in (KEPT / "guix" / "systems").read_text().splitlines())
    assert {name: systems[name] for name in kept} == kept
    lines = [line for name in kept for line in guix.script(HERE / "export.scm", systems[name])]
    built = {facts.path: facts for facts in parse_registration("\n".join(lines) + "\n")}
    for facts in parse_registration((KEPT / "guix" / "registration").read_text()):
        assert built[facts.path] == facts


def test_the_image_of_a_system_that_guix_built_boots_and_stops(
    systems: dict[str, str],
    guix: Guix,
    tmp_path: Path,
) -> None:
    root = Path(f"/proc/{guix.system.container.pid}/root")
    source = {"system": systems["machine"], "source": f"{root}/var/guix/db/db.sqlite", "location": f"{root}/gnu/store"}
    spec = {"name": "machine", "from-store": {**source, "check": True}, "symlinks": {"/usr": systems["/usr"]}}
    build_from_store(tmp_path, json.loads(json.dumps(spec)), tmp_path / "machine.tar", compression="none")
    assert verify_image(tmp_path / "machine.tar").store_kind == "guix"
    with unpack(tmp_path / "machine.tar") as files, boot(files) as booted:
        log = ["/bin/sh", "-c", "cat /var/log/greeter.log"]
        booted.wait_for("the greeter", lambda: "hello from alice" in booted.run(log).stdout)
        assert booted.stop() == 0

"""Guix accepts the store of an image of ours: the image has Guix in it, which looks at its own store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.examples import ROOT, default_cache
from tests.support.namespaces import Booted, boot

HERE = Path(__file__).parent
DAEMON = "guix-daemon --disable-chroot --disable-deduplication --no-substitutes"


@dataclass(frozen=True)
class Guix:
    """A booted system in which a Guix daemon runs."""

    system: Booted
    path: str
    """The system item."""

    def __call__(self, *words: str, accept: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        done = self.system.run(["guix", *words], timeout=280, env={"HOME": "/root", "LC_ALL": "C"})
        assert done.returncode in accept, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done

    def lines(self, *words: str) -> list[str]:
        return sorted(self(*words).stdout.split())

    def script(self, name: str, *words: str) -> list[str]:
        text = (HERE / name).read_text()
        self.system.run(["sh", "-c", 'printf %s "$1" > "/root/$2"', "sh", text, name])
        return self("repl", "--", f"/root/{name}", *words).stdout.splitlines()

    def item(self, name: str) -> str:
        (found,) = (path for path in self.lines("gc", "-R", self.path) if path[44:].startswith(name))
        return found


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    top = tmp_path_factory.mktemp("guix")
    command = [sys.executable, "-m", "sysimage", "build", "-q", "--compression", "none", "--allow-expired"]
    command += ["--cache-dir", str(default_cache()), "-o", str(top / "guix.tar"), str(HERE / "system.json")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    root = top / "root"
    root.mkdir()
    with tarfile.open(top / "guix.tar") as archive:

        def content(name: str) -> bytes:
            file = archive.extractfile(name)
            assert file is not None
            return file.read()

        (manifest,) = json.loads(content("manifest.json"))
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                # Not the argument ``filter``, which Debian 12's Python 3.11.2 does not know.
                layer.extraction_filter = lambda member, _: member
                layer.extractall(root, numeric_owner=True)
        config: dict[str, list[str]] = json.loads(content(manifest["Config"]))["config"]
    (top / "guix.tar").unlink()
    return root, config


@pytest.fixture
def guix(image: tuple[Path, dict[str, list[str]]], tmp_path: Path) -> Iterator[Guix]:
    root, config = image
    environment = dict(entry.split("=", 1) for entry in config["Env"])
    with boot(root, config["Entrypoint"], env=environment, upper=tmp_path / "upper") as system:
        system.wait_for("the Shepherd", lambda: "Started" in system.run(["herd", "status"], env={"LC_ALL": "C"}).stdout)
        system.run(["sh", "-c", f"mkdir -p /var/guix/daemon-socket; {DAEMON} > /var/log/guix-daemon 2>&1 &"])
        found = Guix(system, config["Entrypoint"][1])
        system.wait_for("the daemon", lambda: system.run(["guix", "gc", "-R", found.path]).returncode == 0)
        yield found


def items(root: Path) -> list[str]:
    return sorted(f"/gnu/store/{path.name}" for path in (root / "gnu/store").iterdir())


def test_guix_verifies_every_hash_by_the_images_own_database(
    guix: Guix, image: tuple[Path, dict[str, list[str]]]
) -> None:
    said = guix("gc", "--verify=contents").stderr
    assert "checking hashes" in said
    assert "modified" not in said
    assert guix.lines("gc", "-R", guix.path) == items(image[0])
    link = guix.system.run(["readlink", "-f", "/var/guix/profiles/system"]).stdout.strip()
    assert link == guix.path


def test_guix_notices_one_byte_that_differs(guix: Guix) -> None:
    netbase = guix.item("netbase")
    guix.system.run(["sh", "-c", f"chmod u+w {netbase}/etc/services && echo x >> {netbase}/etc/services"])
    done = guix("gc", "--verify=contents", accept=(0, 1))
    assert f"path `{netbase}' was modified!" in done.stderr


def test_guix_finds_the_references_that_we_found(guix: Guix, image: tuple[Path, dict[str, list[str]]]) -> None:
    """Every item is copied by a build, and Guix scans the copy with its own scanner."""
    dash = guix.item("dash-")
    coreutils = guix.item("coreutils-")
    lines = guix.script("rebuild.scm", f"{dash}/bin/dash", f"{coreutils}/bin")
    assert len(lines) == 2 * len(items(image[0]))
    different = [(scanned, ours) for scanned, ours in zip(lines[::2], lines[1::2], strict=True) if scanned != ours]
    assert different == []


def test_guix_builds_on_top_and_collects_only_strays(guix: Guix, image: tuple[Path, dict[str, list[str]]]) -> None:
    on_top, stray = guix.script("on-top.scm", guix.item("dash-"), guix.path)
    assert guix.lines("gc", "--references", on_top) == [guix.path]
    guix.system.run(["ln", "-s", on_top, "/var/guix/gcroots/mine"])
    guix("gc")
    left = guix.system.run(["ls", on_top, stray]).stdout.split()
    assert left == [on_top]
    assert guix.lines("gc", "-R", on_top) == sorted([*items(image[0]), on_top])
    guix("gc", "--verify=contents")

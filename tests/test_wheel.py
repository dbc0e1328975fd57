"""The wheel holds what a user gets: the program, its man pages, completion, and the page of a report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sysimage.cli.main import VERBS
from tests.support.examples import ROOT

pytestmark = pytest.mark.programs


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory into which pip has installed the wheel, without what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", *quiet, "--wheel-dir", folder, ROOT], check=True)
    (wheel,) = folder.glob("sysimage-*.whl")
    subprocess.run([*pip, "install", *quiet, "--ignore-installed", "--prefix", folder / "prefix", wheel], check=True)
    return folder / "prefix"


def run(installed: Path, *words: str) -> str:
    """What the installed program prints; modules that it needs are those of this environment."""
    (modules,) = installed.glob("lib/python*/site-packages")
    environment = {**os.environ, "PYTHONPATH": str(modules)}
    ran = subprocess.run(
        [installed / "bin" / "sysimage", *words], env=environment, cwd=installed, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_verb_has_a_man_page(installed: Path) -> None:
    pages = {path.name for path in (installed / "share/man/man1").iterdir()}
    assert pages == {"sysimage.1", *(f"sysimage-{verb}.1" for verb in VERBS)}
    assert ".SH SYNOPSIS\n.B sysimage build\n" in (installed / "share/man/man1/sysimage-build.1").read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_installed_program_completes_its_verbs(installed: Path, shell: str) -> None:
    assert "report" in run(installed, "completion", shell)


def test_the_installed_program_has_the_page_of_a_report(installed: Path) -> None:
    (package,) = installed.glob("lib/python*/site-packages/sysimage/report/page")
    assert {path.name for path in package.iterdir() if path.suffix in (".js", ".css", ".html")} == {
        path.name for path in (ROOT / "sysimage/report/page").iterdir() if path.suffix in (".js", ".css", ".html")
    }

"""docs/from-nix.md does what it says: its commands run in their order, in a root directory that has a /nix."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from sysimage.verify import inspect_image, verify_image
from tests.clients.conftest import Registry, need
from tests.support.examples import ROOT
from tests.support.other_places import run_elsewhere

PAGE = (ROOT / "docs" / "from-nix.md").read_text()
CONFIGURATION = """\
experimental-features = nix-command flakes
build-users-group =
sandbox = false
substitute = false
max-jobs = 1
"""


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    return [line[2:] for block in blocks("console") for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The page's files, where a reader would have put them."""
    work = tmp_path / "work"
    work.mkdir()
    for text in blocks("nix"):
        match = re.match(r"# (\S+)\n", text)
        assert match
        (work / match[1]).write_text(text)
    spec, _ = blocks("json")
    (work / "hello.json").write_text(spec)
    (work / "sysimage.nix").write_bytes((ROOT / "examples" / "nix" / "sysimage.nix").read_bytes())
    return work


def run(work: Path, command: str) -> str:
    paths = [str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin:/sbin"]
    environment = {**os.environ, "NIX_CONFIG": CONFIGURATION, "PATH": ":".join(paths), "HOME": str(work.parent)}
    (work.parent / "nix").mkdir(exist_ok=True)
    done = run_elsewhere({"/nix": work.parent / "nix"}, command, cwd=work, env=environment)
    assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}{done.stderr[-4000:]}"
    return done.stdout


def test_every_command_of_the_page_runs(work: Path, registry: Registry) -> None:
    need("nix")
    assert len(commands()) == 13, "all that is shown as a command"
    said = run(work, "\n".join(commands()).replace("localhost:5000", registry.address))
    assert "hello from Nix" in said
    for name in ("hello", "flake"):
        found = verify_image(work / f"{name}.tar")
        assert (found.store_kind, found.items) == ("nix", 1)
        summary = inspect_image(work / f"{name}.tar")
        layers = {layer.digest.hex for layer in summary.layers if layer.digest}
        assert layers <= registry.blobs(name).keys()


def test_nix_makes_the_same_image_itself_and_by_a_registration(work: Path) -> None:
    """The function's ``image``, and ``spec`` with what nixpkgs' closureInfo leaves: all three have one digest."""
    (work / "three.nix").write_text(
        f"""
        {{ registration ? null }}:
        let
          sysimage = import ./sysimage.nix {{ }};
          hello = import ./hello.nix {{ }};
          arguments.spec = {{ name = "three"; from-store.paths = [ hello ]; command = [ "bin/echo" ]; }};
        in {{
          image = sysimage.image (arguments // {{ program = "{Path(sys.executable).parent}/sysimage"; }});
          graph = sysimage.spec arguments;
          registration = sysimage.spec (arguments // {{ closureInfo = registration; }});
        }}
        """
    )
    run(
        work,
        """
        mkdir tools info; cp "$(command -v busybox)" tools
        nix-build hello.nix
        nix-store --dump-db > info/registration
        nix-build three.nix -A image --out-link image; cp -L image image.tar
        nix-build three.nix -A graph --out-link graph; sysimage build -q -o graph.tar graph
        nix-build three.nix -A registration --argstr registration $PWD/info --out-link other
        sysimage build -q -o other.tar other
        """,
    )
    digests = {verify_image(work / f"{name}.tar").digest for name in ("image", "graph", "other")}
    assert len(digests) == 1

"""Images go into engines of this machine and out of them, through the programs that people have: Docker and Podman."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.conftest import Environment, Registry, Small
from tests.clients.test_registries import Run, sysimage
from tests.pipeline.test_transfer import two_platforms
from tests.support.documents import read_document

__all__ = ["sysimage"]  # a fixture
SETTINGS = ("DOCKER_HOST", "CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF")
"""How the programs find engines of our own."""


@pytest.fixture(params=["docker", "podman"])
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environment(program: str, request: pytest.FixtureRequest) -> Environment:
    found: Environment = request.getfixturevalue(program)
    return found


@pytest.fixture
def variables(environment: Environment, tmp_path: Path) -> dict[str, str]:
    """What the command line passes on to the program; images are trusted as they come."""
    (tmp_path / ".config/containers").mkdir(parents=True)
    (tmp_path / ".config/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    return {name: environment[name] for name in SETTINGS if name in environment}


def held(program: str, environment: Environment, name: str) -> Any:
    """What an engine says of an image."""
    done = subprocess.run([program, "image", "inspect", name], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)[0]


def test_an_image_goes_into_an_engine_and_from_there_to_every_place(
    program: str,
    environment: Environment,
    variables: dict[str, str],
    sysimage: Run,
    guix_image: Small,
    registry: Registry,
    tmp_path: Path,
) -> None:
    image = guix_image.built.image
    sysimage("copy", guix_image.archive, f"{program}:", **variables)
    assert held(program, environment, "small:1.0")["Id"].removeprefix("sha256:") == image.config.descriptor.digest.hex
    there = f"{registry.address}/from-{program}/small:1"
    for target in (there, "images:small", "small.tar"):
        sysimage("copy", f"{program}:small:1.0", target, **variables)
        found = read_document(sysimage("inspect", "--json", target).stdout)
        assert found["image_id"] == str(image.config.descriptor.digest), target
        assert "verified" in sysimage("verify", target).stdout
    sysimage("copy", there, f"{program}:", **variables)  # which has it
    assert "all layers were there" in sysimage("push", f"{program}:small:1.0", there, **variables).stdout
    told = sysimage("copy", f"{program}:absent:1", "none.tar", accept=7, **variables).stderr
    assert f"cannot save absent:1: {program} ended with status" in told
    assert not (tmp_path / "none.tar").exists()


def test_an_engine_gets_its_own_image_of_several_platforms(
    program: str, environment: Environment, variables: dict[str, str], sysimage: Run, guix_image: Small, tmp_path: Path
) -> None:
    two_platforms(guix_image.built, tmp_path / "both")
    index = json.loads((tmp_path / "both/index.json").read_text())
    index["manifests"][0]["annotations"] = {
        "io.containerd.image.name": f"localhost/several:{program}",
        "org.opencontainers.image.ref.name": program,
    }
    (tmp_path / "both/index.json").write_text(json.dumps(index))
    sysimage("copy", "both", f"{program}:", **variables)
    found = held(program, environment, f"localhost/several:{program}")
    assert found["Id"].removeprefix("sha256:") == guix_image.built.image.config.descriptor.digest.hex
    assert found["Architecture"] == "amd64"

"""docs/from-guix.md does what it says: Guix builds, and sysimage makes and pushes images of it where its store is."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysimage.verify import inspect_image, verify_image
from tests.clients.conftest import Registry, running_registry
from tests.guix.conftest import HERE
from tests.guix.test_guix_systems import PAGE, Workshop, machine, workshop  # noqa: F401 - fixtures
from tests.support.other_places import run_elsewhere

COMMANDS = re.findall(r"^\$ (.*)$", PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running_registry(tmp_path_factory.mktemp("registry")) as registry:
        yield registry


@pytest.fixture
def profile(workshop: Workshop) -> str:  # noqa: F811 - the fixture
    (command,) = (command for command in COMMANDS if command.startswith("guix shell"))
    packages = command.removeprefix("guix shell --root=profile ").removesuffix(" -- true").split()
    (derivation,) = workshop.guix.script(HERE / "profile.scm", *packages)
    workshop.guix.script(HERE / "provide.scm", derivation)
    workshop.run(command)
    return workshop.run("readlink -f profile")


def test_every_command_of_the_page_runs(
    machine: str,  # noqa: F811 - the fixture
    profile: str,
    workshop: Workshop,  # noqa: F811 - the fixture
    registry: Registry,
    tmp_path: Path,
) -> None:
    names = []
    for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        names.append(json.loads(text)["name"])
        (tmp_path / f"{names[-1]}.json").write_text(text)
    assert names == ["machine", "tools"]
    (tmp_path / "result").symlink_to(machine)
    (tmp_path / "profile").symlink_to(profile)
    commands = [command for command in COMMANDS if not command.startswith("guix ")]
    assert len(commands) == len(COMMANDS) - 2 == 8, "all that is shown as a command"
    (tmp_path / "gnu/store").mkdir(parents=True)
    for item in (machine, profile):
        workshop.copy(item, tmp_path / "gnu/store")
    shutil.copytree(workshop.stores[0].parents[1] / "var/guix/db", tmp_path / "guix/db")
    paths = [str(Path(sys.executable).parent), os.environ["PATH"]]
    done = run_elsewhere(
        {"/gnu": tmp_path / "gnu", "/var/guix": tmp_path / "guix"},
        "\n".join(commands).replace("localhost:5000", registry.address),
        cwd=tmp_path,
        env={**os.environ, "PATH": ":".join(paths)},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    for name in names:
        assert verify_image(tmp_path / f"{name}.tar").store_kind == "guix"
        summary = inspect_image(tmp_path / f"{name}.tar")
        assert {layer.digest.hex for layer in summary.layers if layer.digest} <= registry.blobs(name).keys()

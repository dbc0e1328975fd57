"""trivy finds the packages of the lock and nothing else, without a network and any database of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.test_scanners import MODULES, Locked, built, web  # noqa: F401 - web is a fixture
from tests.support.scanners import Found

TRIVY = os.environ.get("SYSIMAGE_TRIVY", "")
OFFLINE = ("--offline-scan", "--skip-db-update", "--skip-java-db-update", "--skip-version-check")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Locked:
    """Without jars, for which trivy insists on a database from its maker's registry."""
    spec = tmp_path_factory.mktemp("modules") / "modules.json"
    packages = [name for name in MODULES["packages"] if not name.endswith("-java")]
    spec.write_text(json.dumps({**MODULES, "packages": packages}))
    return built(spec)


def bill_of_materials(archive: Path) -> dict[str, Any]:
    """What trivy writes about an image, in the form of CycloneDX."""
    words = [TRIVY, "image", "--quiet", "--input", archive, "--format", "cyclonedx", *OFFLINE]
    environment = {"HOME": str(archive.parent), "TRIVY_CACHE_DIR": str(archive.parent / "cache")}
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def package(component: dict[str, Any]) -> Found:
    about = {one["name"].removeprefix("aquasecurity:trivy:"): one["value"] for one in component["properties"]}
    _, _, terms = component["purl"].partition("?")
    (architecture,) = (term.removeprefix("arch=") for term in terms.split("&") if term.startswith("arch="))
    source = "-".join([about["SrcVersion"], *([about["SrcRelease"]] if "SrcRelease" in about else [])])
    epoch = f"{about['SrcEpoch']}:" if "SrcEpoch" in about else ""
    return component["name"], component["version"], architecture, about["SrcName"], epoch + source


@pytest.mark.parametrize("which", ["web", "modules"])
def test_trivy_finds_the_packages_of_the_lock_and_nothing_else(which: str, request: pytest.FixtureRequest) -> None:
    locked: Locked = request.getfixturevalue(which)
    found = bill_of_materials(locked.archive)
    kinds = {"operating-system": [], "library": []}  # type: dict[str, list[dict[str, Any]]]
    for component in found["components"]:
        kinds[component["type"]].append(component)
    (system,) = kinds["operating-system"]
    assert system["name"] == "debian"
    assert system["version"].startswith("13.")
    assert {component["purl"].partition("/")[0] for component in kinds["library"]} == {"pkg:deb"}
    packages = [package(component) for component in kinds["library"]]
    assert len(packages) == len(locked.packages)
    assert frozenset(packages) == locked.packages
    (libc,) = (component for component in kinds["library"] if component["name"] == "libc6")
    assert libc["licenses"]

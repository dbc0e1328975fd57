"""docs/how-to/ci.md does what it says: the shell of its jobs runs, from an empty cache."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sysimage.containers.users import is_privileged, user_map
from sysimage_bootstrap.archive.sources import KEYRING, default_sources
from tests.destinations.registry_server import running
from tests.support.examples import ROOT

PAGE = (ROOT / "docs/how-to/ci.md").read_text()
SPEC = {
    "name": "image",
    "packages": ["busybox-static", "coreutils", "dash", "findutils", "libc-bin"],
    "essential": False,
    "user": "root",
}
STARTS = {"entry-point": ["/bin/busybox", "sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"]}
INSTALLS = re.compile(r"^(sudo )?(apt-get|pipx|docker login|export PATH)|docker login")

pytestmark = [
    pytest.mark.programs,
    pytest.mark.skipif(
        not (is_privileged() or user_map().several), reason="booting in namespaces takes root, or a range of users"
    ),
]


def job(name: str) -> list[str]:
    """The lines of shell in the job under a heading, without those that install something or log in."""
    section = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]
    if "```yaml" not in section:
        lines = [line[4:] for line in section.splitlines() if line.startswith("    ")]
    else:
        block = section.split("```yaml\n")[1].split("```")[0]
        lines = re.findall(r"^ {4,}(?:- )?((?:sudo|sysimage|apt-get|pipx|echo|export) .*)$", block, re.MULTILINE)
    assert lines
    return [line for line in lines if not INSTALLS.search(line)]


def run(
    lines: list[str], folder: Path, cache: Path, registry: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    script = "set -euo pipefail\n" + "\n".join(lines)
    script = script.replace('sudo --preserve-env=PATH "$(command -v sysimage)"', "sysimage")
    script = script.replace("ghcr.io/${{ github.repository }}", f"{registry}/team/image")
    assert "${{" not in script
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SYSIMAGE_CACHE_DIR": str(cache),
        **{f"GIT_{who}_{what}": "ann@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        **variables,
    }
    return subprocess.run(["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a small image and a question to it."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "system.json").write_text(json.dumps({**SPEC, **STARTS}))
    (folder / "test_image.py").write_text("def test_it_runs(host):\n    assert host.file('/bin/busybox').exists\n")
    return folder


BEGIN = ["git init --quiet .", "sysimage lock system.json", "git add .", "git commit --quiet --message begin"]


def test_jobs_run_from_an_empty_cache(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with running() as registry:
        for name in ("GitHub", "GitLab", "Updates every night"):
            lines = [*(BEGIN if name == "GitHub" else []), *job(name)]
            ran = run(lines, folder, cache, registry.address)
            assert ran.returncode == 0, f"{name}:\n{ran.stdout}\n{ran.stderr}"
        assert "team/image:latest" in registry.manifests
    assert (folder / "junit.xml").exists()


UBUNTU = """\
Types: deb
URIs: http://archive.example.org/ubuntu/
Suites: noble noble-updates noble-backports
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""
"""Of the form that Ubuntu 24.04 has in /etc/apt/sources.list.d/ubuntu.sources."""


@pytest.fixture
def ubuntu(tmp_path: Path) -> str:
    """The directory of apt's configuration on a runner that is Ubuntu."""
    (tmp_path / "apt/sources.list.d").mkdir(parents=True)
    (tmp_path / "apt/sources.list.d/ubuntu.sources").write_text(UBUNTU)
    return str(tmp_path / "apt")


def test_a_job_on_a_machine_whose_apt_is_not_debian_s_says_what_to_set(
    folder: Path, ubuntu: str, tmp_path: Path
) -> None:
    ran = run(BEGIN, folder, tmp_path / "cache", "", SYSIMAGE_APT_ROOT=ubuntu, SYSIMAGE_ARCHIVE="")
    assert ran.returncode == 7
    assert "no Debian archive is configured" in ran.stderr
    assert "set SYSIMAGE_ARCHIVE or --archive" in ran.stderr
    assert "SYSIMAGE_KEYRING" in ran.stderr


def test_a_job_on_a_machine_whose_apt_is_not_debian_s_runs_with_an_archive_and_keys(
    folder: Path, ubuntu: str, tmp_path: Path
) -> None:
    assert "SYSIMAGE_ARCHIVE: ${{ vars.DEBIAN_ARCHIVE }}" in PAGE
    main, security = default_sources(Path("/etc/apt"), ("trixie", "trixie-security"))
    keys = shutil.copy(KEYRING, tmp_path / "keys.gpg")
    archive = {"SYSIMAGE_ARCHIVE": main.uri, "SYSIMAGE_SECURITY_ARCHIVE": security.uri, "SYSIMAGE_KEYRING": str(keys)}
    with running() as registry:
        lines = [*BEGIN, *job("GitHub")]
        ran = run(lines, folder, tmp_path / "cache", registry.address, SYSIMAGE_APT_ROOT=ubuntu, **archive)
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
        assert "team/image:latest" in registry.manifests

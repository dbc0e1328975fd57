"""docs/tutorial.md does what it says: its commands run in their order, and print what stands below them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.destinations.registry_server import running
from tests.support.examples import ROOT, default_cache

PAGE = ROOT / "docs" / "tutorial.md"
MARK = "--- end of a block ---"

pytestmark = pytest.mark.programs


def steps() -> Iterator[tuple[str, str | None]]:
    """Each block of commands, and what is printed, where the page shows it."""
    text = PAGE.read_text()
    for commands, _, printed in re.findall(
        r"^```sh\n(.*?)^```\n(\n```text\n(.*?)^```\n)?", text, flags=re.DOTALL | re.MULTILINE
    ):
        yield commands, printed or None


def pattern(printed: str) -> str:
    """What is printed as a regular expression: ``…`` is anything."""
    return re.escape(printed.strip()).replace("…", ".*")


def test_the_tutorial_runs_as_it_stands(tmp_path: Path) -> None:
    found = list(steps())
    assert len(found) >= 12
    with running() as registry:
        host = registry.address
        script = "set -euo pipefail\n" + f"echo {MARK!r}\n".join(commands for commands, _ in found)
        script = script.replace("localhost:5000", host)
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(default_cache().parent),
            **{f"GIT_{who}_{what}": "ann@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        ran = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        tags = {tag: registry.manifests.get(f"shop:{tag}") for tag in ("1.0", "1.1", "latest")}
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert tags["1.0"] == tags["latest"] != tags["1.1"]
    answers = ran.stdout.split(f"{MARK}\n")
    assert len(answers) == len(found)
    for (commands, printed), answer in zip(found, answers, strict=True):
        if printed is not None:
            wanted = pattern(printed.replace("localhost:5000", host))
            assert re.fullmatch(wanted, answer.strip(), re.DOTALL), f"{commands}\nprints\n{answer}\nand not\n{printed}"

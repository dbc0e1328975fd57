"""docs/tutorial.md does what it says: its commands run in their order, and print what is below them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.destinations.registry_server import running
from tests.support.examples import default_cache
from tests.support.tutorial import AUTHOR, MARK, check_answers, check_pushes, script

pytestmark = pytest.mark.programs


def test_the_tutorial_runs_as_it_is(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(default_cache().parent),
        **AUTHOR,
    }
    with running() as registry:
        bash = ["bash", "-c", script(registry.address)]
        ran = subprocess.run(bash, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    check_pushes(registry)
    check_answers(ran.stdout.split(f"{MARK}\n"), registry.address)

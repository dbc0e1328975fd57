"""Cgroups that containers of systemd get: made below that of this process, and gone afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sysimage.containers.cgroup import Cgroup
from sysimage.errors import MachineError

pytestmark = pytest.mark.programs


@pytest.fixture
def cgroup() -> Cgroup:
    try:
        return Cgroup.make()
    except MachineError as error:
        pytest.skip(str(error))


def test_a_cgroup_is_removed_with_what_runs_in_it(cgroup: Cgroup) -> None:
    below = cgroup.directory / "below" / "deeper"
    below.mkdir(parents=True)
    child = subprocess.Popen(["sleep", "1000"])
    (below / "cgroup.procs").write_text(str(child.pid))
    cgroup.remove()
    assert child.wait() == -9
    assert not cgroup.directory.exists()


def test_a_process_goes_into_it_and_back(cgroup: Cgroup) -> None:
    program = "import os, sys; os.write(int(sys.argv[1]), b'0'); print(open('/proc/self/cgroup').read())"
    with cgroup.opened() as places:
        said = {
            name: subprocess.run(
                [sys.executable, "-c", program, str(place)],
                pass_fds=(place,),
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for name, place in places.items()
        }
    cgroup.remove()
    assert cgroup.directory.name in said["own"]
    assert cgroup.directory.name not in said["above"]


def test_what_a_killed_process_has_left_is_swept_away(cgroup: Cgroup) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = cgroup.directory.with_name(f"sysimage-{ended.pid}-0")
    (left / "below").mkdir(parents=True)
    try:
        Cgroup.make().remove()
        assert not left.exists()
    finally:
        cgroup.remove()


def test_this_machines_own_cgroups_are_left_alone(cgroup: Cgroup) -> None:
    others = cgroup.directory.with_name("sysimage-other")
    others.mkdir()
    try:
        Cgroup.make().remove()
        assert others.exists()
    finally:
        others.rmdir()
        cgroup.remove()
    assert not list(Path(cgroup.directory.parent).glob(f"{cgroup.directory.name}*"))

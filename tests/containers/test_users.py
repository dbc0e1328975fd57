"""Containers without root have a user namespace of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sysimage.containers.users import UserMap, user_map
from sysimage.process import find
from tests.support import raw_tar
from tests.support.small_images import write_small

OWNED = raw_tar.archive(raw_tar.file(b"owned", b"", uid=1000, gid=100))


@pytest.mark.programs
def test_without_the_right_to_mount_a_user_namespace_gives_it(tmp_path: Path) -> None:
    image = write_small(tmp_path / "small.tar", OWNED, Entrypoint=["/bin/sh", "-c"])
    less: list[str | Path] = [
        find("setpriv", package="util-linux"),
        "--bounding-set=-sys_admin",
        "--inh-caps=-sys_admin",
    ]
    script = "ls -ln /owned; cat /proc/self/uid_map; id -u; echo x > /proc/sys/kernel/core_pattern"
    command: list[str | Path] = [sys.executable, "-m", "sysimage", "run", "-q", image, script]
    argv = [*(less if os.geteuid() == 0 else []), *command]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode != 0
    listed, mapped, uid = done.stdout.splitlines()[0].split(), done.stdout.splitlines()[1], done.stdout.splitlines()[-1]
    users = user_map()
    assert listed[2:4] == (["1000", "100"] if users.several else ["0", "0"])
    assert mapped.split()[:2] == ["0", str(os.geteuid())]
    assert uid == "0"
    assert "core_pattern" in done.stderr


def test_a_map_says_whether_there_are_users_beside_root() -> None:
    alone = UserMap(((0, 1001, 1),), ((0, 100, 1),), helped=False)
    several = UserMap(((0, 1001, 1), (1, 100000, 65536)), ((0, 100, 1), (1, 100000, 65536)), helped=True)
    assert not alone.several
    assert several.several
    assert UserMap(((0, 0, 4294967295),), ((0, 0, 4294967295),), helped=False).several
    assert UserMap(((0, 0, 2),), ((0, 0, 2),), helped=False).several


@pytest.mark.skipif(os.geteuid() != 0, reason="root has all users")
def test_root_has_the_users_that_it_has_outside() -> None:
    inside = user_map()
    for found, name in ((inside.uids, "uid_map"), (inside.gids, "gid_map")):
        lines = [line.split() for line in Path(f"/proc/self/{name}").read_text().splitlines()]
        assert found == tuple((int(line[0]), int(line[0]), int(line[2])) for line in lines)
    assert not inside.helped

"""Disks leave a machine when QEMU lets go of their files, which takes as long as the guest needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from sysimage_vm.channel import Channel
from sysimage_vm.disks import Disks
from sysimage_vm.qmp import Qmp, QmpError
from sysimage_vm.waiting import NotYet


class SlowQemu:
    """Refuses to remove a node that a device uses, as QEMU does, a number of times."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.nodes: set[str] = set()

    def execute(self, command: str, arguments: Mapping[str, Any]) -> None:
        if command == "blockdev-add":
            self.nodes.add(arguments["node-name"])
        elif command == "blockdev-del":
            if self.refusals:
                self.refusals -= 1
                raise QmpError("cannot blockdev-del in QEMU: Node image0 is in use")
            self.nodes.remove(arguments["node-name"])


class Guest:
    """Finds every disk at once."""

    def run(self, argv: list[str]) -> Guest:
        self.text = "image0" if argv[0] == "cat" else "/dev/vdb"
        return self


def ask(what: str, question: Any, _patience: object = None, **_: object) -> Any:
    for _try in range(9):
        answer = question()
        if not isinstance(answer, NotYet):
            return answer
    raise AssertionError(f"{what}: {answer}")


@pytest.mark.parametrize("refusals", [0, 3])
def test_a_disk_that_is_in_use_for_some_time_is_waited_for(refusals: int, tmp_path: Path) -> None:
    qemu = SlowQemu(refusals)
    disks = Disks(cast("Qmp", qemu), cast("Channel", Guest()), cast("Any", ask))
    for _ in range(2):  # its slot is free again
        disks.unplug(disks.plug(tmp_path / "disk"))
    assert qemu.nodes == set()

"""Cold boots in a row: none may fail without an explanation. ``--boots 30`` for the long proof."""

from __future__ import annotations

import pytest

from sysimage_vm.accelerator import Verdict
from sysimage_vm.engine import Engine
from sysimage_vm.guest import Guest, Host, ready_machine
from sysimage_vm.machine import Machine, MachineFiles


def test_every_cold_boot_gets_ready(
    request: pytest.FixtureRequest,
    vm_host: Host,
    guest: Guest,
    verdict: Verdict,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    def ready(machine: Machine) -> None:
        Engine(machine).wait_ready()

    times, notes = [], []
    for number in range(request.config.getoption("--boots")):
        files = MachineFiles(tmp_path_factory.mktemp("boot"))
        with ready_machine(vm_host, guest, files, ready, fresh=True) as up:
            assert not up.restored
            times.append(up.seconds)
            notes += [f"boot {number}: {note}" for note in up.notes]
    said = f"{verdict}\nseconds until the engine was ready: {[round(seconds, 1) for seconds in times]}"
    request.node.add_report_section("call", "boots", said)
    assert notes == [], "boots that died and were tried again"

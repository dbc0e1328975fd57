"""A system for arm64 boots on an emulated arm64 machine: kernel, Shepherd as process 1, its services."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.api.settings import Settings
from sysimage.pipeline.build import plan
from sysimage.pipeline.options import DeclaredSystem, Identity
from sysimage.process import find
from sysimage.spec import read_spec
from sysimage_vm.disk import write_disk
from sysimage_vm.guest_disk import find_kernel, package_location, root_entries
from sysimage_vm.machine import MachineFiles, make_overlay, start
from sysimage_vm.qemu import ARM64, ARM64_KERNEL_ARGUMENTS, Accelerator, Hardware
from sysimage_vm.waiting import Patience

ASKS = (
    "uname -m; head -n 1 /etc/os-release; readlink -f /proc/1/exe; /bin/busybox id -un; echo every question is answered"
)
SPEC = {
    "name": "machine",
    "architecture": "arm64",
    "packages": ["busybox-static", "linux-image-cloud-arm64"],
    "exclude": ["initramfs-tools", "dracut", "tiny-initramfs"],
    "services": {"asked": {"command": ["/bin/sh", "-c", f"({ASKS}) > /dev/console; exec sleep infinity"]}},
}
PATIENCE = Patience(quiet=600.0, work=1800.0)


@pytest.mark.programs
def test_an_arm64_system_boots_to_its_services(tmp_path: Path) -> None:
    (tmp_path / "machine.json").write_text(json.dumps(SPEC))
    system = DeclaredSystem.of(read_spec(tmp_path / "machine.json"), tmp_path, None)
    planned = plan(system, Settings().sources(), Identity.of(system.spec))
    boot, top = planned.realised.boot_program, planned.realised.system
    assert boot is not None
    disk = write_disk(
        tuple(root_entries(planned.closure, planned.tree)),
        tmp_path / "disk",
        kernel=find_kernel(planned.closure),
        busybox=package_location(planned.closure, "busybox-static") / "bin" / "busybox",
        init=(str(boot), str(top)),
        read_only=(top.store_dir,),
        size=4 << 30,
    )
    files = MachineFiles(tmp_path / "machine")
    files.directory.mkdir()
    make_overlay(disk.root, files.overlay)
    hardware = replace(Hardware(Accelerator.TCG, memory=1024), arguments=ARM64_KERNEL_ARGUMENTS)
    emulator = find(ARM64.program, package=ARM64.package)
    with start(
        emulator, hardware, files, kernel=disk.kernel, initrd=disk.initrd, overlay=files.overlay, board=ARM64
    ) as machine:
        machine.wait("the answers", lambda: "every question is answered" in machine.console.text() or None, PATIENCE)
        said = machine.console.text()
    assert "Machine model: linux,dummy-virt" in said
    assert re.search(r"aarch64\s+PRETTY_NAME=\"Debian GNU/Linux", said), said[-2000:]
    assert re.search(r"/gnu/store/[^\s]*guile[^\s]*\s+root\s+every question", said), said[-2000:]

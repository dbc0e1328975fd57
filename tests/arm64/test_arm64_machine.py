"""A system for arm64 boots on an emulated arm64 machine: kernel, Shepherd as process 1, its services. There sysimage
builds an image for amd64, to the same digest as here."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
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
from tests.support.builds import small_spec
from tests.support.documents import read_document

ROOT = Path(__file__).parents[2]
ASKS = "uname -m; head -n 1 /etc/os-release; readlink -f /proc/1/exe; /bin/busybox id -un"
BUILD = ("build", "--json", "--progress", "quiet", "--compression", "zstd", "-o", "small.tar", "small.json")
"""Of zstd, because gzip is another library's on each kind of processor (docs/reproducibility.md)."""
THERE = "mkdir /tmp/small; cd /tmp/small; tar -xf /srv/small.tar; export PYTHONPATH=libraries; python3 -m sysimage"
COMMAND = f"({ASKS}; {THERE} {' '.join(BUILD)}; echo every question is answered) > /dev/console 2>&1"
SPEC = {
    "name": "machine",
    "architecture": "arm64",
    "packages": ["busybox-static", "linux-image-cloud-arm64", "python3"],
    "exclude": ["initramfs-tools", "dracut", "tiny-initramfs"],
    "files": {"/srv/small.tar": {"source": "small.tar"}},
    "environment": {"XDG_CACHE_HOME": "/tmp/cache"},
    "services": {"asked": {"command": ["/bin/sh", "-c", f"{COMMAND}; exec sleep infinity"]}},
}
PATIENCE = Patience(quiet=600.0, work=1800.0)


def small_image(workspace: Path) -> str:
    """A small spec for amd64 with its store, packed for the other machine with sysimage and its libraries; the digest
    of its image here."""
    small_spec(workspace)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(workspace / "cache")}
    done = subprocess.run(
        [sys.executable, "-m", "sysimage", *BUILD], cwd=workspace, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    subprocess.run(
        [ROOT / "examples/sysimage/prepare", workspace / "libraries"],
        env={**os.environ, "MACHINE": "aarch64", "PYTHON": sys.executable},
        check=True,
    )
    with tarfile.open(workspace.with_suffix(".tar"), "w") as archive:
        for name in ("small.json", "store", "registration", "libraries"):
            archive.add(workspace / name, name)
    return str(read_document(done.stdout)["digest"])


@pytest.mark.programs
def test_an_arm64_system_boots_to_its_services_and_builds_an_image_for_amd64(tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    digest = small_image(tmp_path / "small")
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
    assert re.search(r"/gnu/store/[^\s]*guile[^\s]*\s+root\s", said), said[-2000:]
    assert '"platform": "linux/amd64"' in said, said[-3000:]
    assert f'"digest": "{digest}"' in said, said[-3000:]

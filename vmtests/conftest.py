"""Fixtures of the tests that boot virtual machines: one guest for all, a restored machine for each test that asks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sysimage import process
from sysimage.build import BuildOptions, plan
from sysimage.spec import read_spec
from sysimage_bootstrap.archive import KEYRING, ArchiveOptions, TransportOptions, apt_transport
from sysimage_bootstrap.choose import ArchiveChoice
from sysimage_vm.accel import Choice, Verdict, choose
from sysimage_vm.engine import Engine
from sysimage_vm.guest import Guest, Host, ensure_snapshot, ready_machine
from sysimage_vm.guest_disk import GuestSystem, ensure_guest, guest_spec
from sysimage_vm.machine import Machine, MachineFiles
from sysimage_vm.qemu import QEMU, QEMU_PACKAGE, Hardware

collect_ignore = ["sysimage_vm"]
"""The standard questions are for a trial that is under way; `sysimage_vm.ask` hands them to pytest."""

Machines = Callable[..., AbstractContextManager[Engine]]
"""Starts a machine of its own for one test: ``with machines() as engine``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sysimage")
    group.addoption("--accel", choices=[str(choice) for choice in Choice], default=str(Choice.AUTO))
    group.addoption("--boots", type=int, default=1, help="how many cold boots in a row must all succeed")
    group.addoption("--vm-logs", type=Path, default=None, help="keep consoles and logs here")


@pytest.fixture(scope="session")
def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base, "sysimage")


@pytest.fixture(scope="session")
def build_options(cache: Path) -> BuildOptions:
    """Packages as this machine's apt gets them."""
    transport = apt_transport(os.environ, TransportOptions())
    archive = ArchiveOptions(now=datetime.now(UTC), transport=transport)
    return BuildOptions(
        cache_dir=cache, archive=ArchiveChoice(archive, keyring=KEYRING), lock_file=Path("guest.lock.json")
    )


@pytest.fixture(scope="session")
def guest(build_options: BuildOptions, cache: Path) -> Guest:
    with guest_spec() as spec:
        planned = plan(read_spec(spec), spec.parent, build_options)
    boot_program = planned.realised.boot_program
    assert boot_program is not None
    system = GuestSystem(planned.closure, planned.tree, boot_program, planned.realised.system)
    return ensure_guest(system, cache / "vm" / "guests")


@pytest.fixture(scope="session")
def verdict(request: pytest.FixtureRequest, guest: Guest, cache: Path) -> Verdict:
    emulator = process.find(QEMU, package=QEMU_PACKAGE)
    return choose(Choice(request.config.getoption("--accel")), emulator, guest.disk.kernel, cache / "vm")


@pytest.fixture(scope="session")
def vm_host(verdict: Verdict, cache: Path) -> Host:
    return Host(process.find(QEMU, package=QEMU_PACKAGE), Hardware(verdict.accelerator), cache / "vm")


@pytest.fixture(scope="session")
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return request.config.getoption("--vm-logs") or tmp_path_factory.mktemp("vm")


@pytest.fixture
def machines(request: pytest.FixtureRequest, vm_host: Host, guest: Guest, verdict: Verdict, logs: Path) -> Machines:
    number = 0

    def ready(machine: Machine) -> None:
        Engine(machine).wait_ready()

    @contextmanager
    def start(*, fresh: bool = False) -> Iterator[Engine]:
        nonlocal number
        number += 1
        directory = logs / request.node.name.replace("/", "-") / str(number)
        made = ensure_snapshot(vm_host, guest, MachineFiles(directory / "guest"), ready)
        with ready_machine(vm_host, guest, MachineFiles(directory), ready, fresh=fresh) as up:
            how = "restored" if up.restored else "booted"
            said = [f"accelerator: {verdict}", made, f"guest: {how} in {up.seconds:.1f} s", *up.notes]
            request.node.add_report_section("setup", "machine", "\n".join(line for line in said if line))
            yield Engine(up.machine)

    return start

"""Fixtures of the tests that boot virtual machines: one guest for all, a restored machine for each test that asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from built_systems import build_system
from sysimage.pipeline.build import PlannedBuild, plan
from sysimage.pipeline.options import BuildSources, DeclaredSystem, Identity
from sysimage.spec import read_spec
from sysimage_bootstrap.archive import KEYRING, ArchiveOptions, TransportOptions, apt_transport
from sysimage_bootstrap.packages.choose import ArchiveChoice
from sysimage_vm.accelerator import Choice, Verdict
from sysimage_vm.engine import Engine
from sysimage_vm.guest import Guest, Host, ensure_snapshot, ready_machine
from sysimage_vm.machine import Machine, MachineFiles
from sysimage_vm.prepare import Prepared, prepare

collect_ignore = ["sysimage_vm"]
"""The standard questions are for a trial that is under way; `sysimage_vm.run_questions` hands them to pytest."""

PATIENCE = 24 * 3600
"""Seconds for one test, far more than any takes: emulated, on a busy host, and after others that want its machine.
What hangs is found by the waits themselves, which count progress; see `sysimage_vm.waiting`."""
ROOT = Path(__file__).parents[1]
OWN_QUESTIONS = ROOT / "examples" / "web" / "test_web.py"
LEAST = 35
"""How many questions the web example answers at least; fewer mean that some silently do not apply any more."""
Machines = Callable[..., AbstractContextManager[Engine]]
"""Starts a machine of its own for one test: ``with machines() as engine``."""


@dataclass(frozen=True)
class Told:
    """What `sysimage test` ended with."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Ask = Callable[..., Told]
"""The program as its users start it: ``ask(image, "--json")``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sysimage")
    group.addoption("--accel", choices=[str(choice) for choice in Choice], default=str(Choice.AUTO))
    group.addoption("--boots", type=int, default=1, help="how many cold boots in a row must all succeed")
    group.addoption("--vm-logs", type=Path, default=None, help="keep consoles and logs here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The suite's own limit is one for tests that take no machine; a machine's waits each have their own."""
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session")
def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base, "sysimage")


@pytest.fixture(scope="session")
def package_sources(cache: Path) -> BuildSources:
    """Packages as this machine's apt gets them."""
    transport = apt_transport(os.environ, TransportOptions())
    archive = ArchiveOptions(now=datetime.now(UTC), transport=transport)
    return BuildSources(cache, ArchiveChoice(archive, keyring=KEYRING))


@pytest.fixture(scope="session")
def prepared(request: pytest.FixtureRequest, package_sources: BuildSources, cache: Path) -> Prepared:
    def planned(path: Path) -> PlannedBuild:
        system = DeclaredSystem.of(read_spec(path), path.parent, Path("guest.lock.json"))
        return plan(system, package_sources, Identity.of(system.spec))

    return prepare(planned, Choice(request.config.getoption("--accel")), cache)


@pytest.fixture(scope="session")
def guest(prepared: Prepared) -> Guest:
    return prepared.guest


@pytest.fixture(scope="session")
def verdict(prepared: Prepared) -> Verdict:
    return prepared.verdict


@pytest.fixture(scope="session")
def vm_host(prepared: Prepared) -> Host:
    return prepared.host


@pytest.fixture(scope="session")
def logs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return request.config.getoption("--vm-logs") or tmp_path_factory.mktemp("vm")


@contextmanager
def _machine(
    vm_host: Host, guest: Guest, directory: Path, said: Callable[[str], None], *, fresh: bool = False
) -> Iterator[Engine]:
    def ready(machine: Machine) -> None:
        Engine(machine).wait_ready()

    made = ensure_snapshot(vm_host, guest, MachineFiles(directory / "guest"), ready)
    with ready_machine(vm_host, guest, MachineFiles(directory), ready, fresh=fresh) as up:
        how = "restored" if up.restored else "booted"
        lines = [made, f"guest: {how} in {up.seconds:.1f} s", *up.notes]
        said("\n".join(line for line in lines if line))
        yield Engine(up.machine)


@pytest.fixture
def machines(request: pytest.FixtureRequest, vm_host: Host, guest: Guest, verdict: Verdict, logs: Path) -> Machines:
    number = 0

    def report(text: str) -> None:
        request.node.add_report_section("setup", "machine", f"accelerator: {verdict}\n{text}")

    @contextmanager
    def start(*, fresh: bool = False) -> Iterator[Engine]:
        nonlocal number
        number += 1
        directory = logs / request.node.name.replace("/", "-") / str(number)
        with _machine(vm_host, guest, directory, report, fresh=fresh) as engine:
            yield engine

    return start


@pytest.fixture(scope="module")
def shared_engine(request: pytest.FixtureRequest, vm_host: Host, guest: Guest, logs: Path) -> Iterator[Engine]:
    """One machine for all tests of a module, for those that only look at it; `machines` cannot be used beside it."""
    with _machine(vm_host, guest, logs / Path(request.node.nodeid).stem, lambda _: None) as engine:
        yield engine


@pytest.fixture
def ask(request: pytest.FixtureRequest, prepared: Prepared, cache: Path, logs: Path, tmp_path: Path) -> Ask:
    """``prepared`` has the guest ready, so that each test is charged with its own time only."""

    def run(image: Path, *flags: str | Path, stdin: str = "") -> Told:
        reports = ("--reports", logs / "asked" / request.node.name.replace("/", "-"))
        command = [sys.executable, "-m", "sysimage", "test", image, *reports, *flags]
        accelerator = ("--accel", request.config.getoption("--accel"), "--cache-dir", cache, "--offline")
        done = subprocess.run([*command, *accelerator], cwd=tmp_path, input=stdin, capture_output=True, text=True)
        request.node.add_report_section("call", "sysimage test", f"{done.stdout}\n{done.stderr}")
        return Told(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The web example."""
    return build_system(ROOT / "examples" / "web.json", tmp_path_factory.mktemp("web") / "web.tar")

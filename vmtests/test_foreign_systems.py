"""A system of Guix's shape and one of NixOS's, found in a store, boot under a real engine by what their images say."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Machines
from sysimage_vm import container
from sysimage_vm.image import read_archive
from sysimage_vm.machine_trial import MachineTrial
from tests.support.builds import build_from_store
from tests.support.examples import build_example, default_cache
from tests.support.foreign_systems import Parts, copied_store, guix_system, nixos_system, register
from tests.support.store_builder import StoreBuilder

PATIENCE = 180.0
"""Seconds; the machine may be emulated."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoreBuilder, Parts]:
    top = tmp_path_factory.mktemp("base")
    archive = build_example("base", top / "base.tar", "--compression", "none")
    return copied_store(archive, default_cache() / "store/gnu/store", top)


def until(holds: Callable[[], bool], evidence: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, evidence()
        time.sleep(1)


@pytest.mark.parametrize("kind", ["guix", "nixos"])
def test_a_system_from_a_store_boots(
    kind: str, base: tuple[StoreBuilder, Parts], machines: Machines, tmp_path: Path
) -> None:
    store, parts = base
    closure = guix_system(store, parts, boot_program=True) if kind == "guix" else nixos_system(store, parts)
    register(closure, tmp_path / "registration")
    source = {"system": str(closure.roots[0]), "source": "registration", "location": str(store.location)}
    spec = {"name": f"{kind}-machine", "from-store": source, "symlinks": {"/usr": parts.profile}, "max-layers": 30}
    build_from_store(tmp_path, spec, tmp_path / "machine.tar")
    with machines() as engine:
        trial = MachineTrial(engine.machine, engine, read_archive(tmp_path / "machine.tar"))
        running = container.run(engine, trial.reference, "machine")
        if kind == "guix":
            herd = ("/run/current-system/profile/bin/herd", "status", "greeter")
            until(lambda: "running" in running.exec(*herd, accept=range(256)).said, running.evidence)
            log = ("cat", "/var/log/greeter.log")
            until(lambda: "hello from the system" in running.exec(*log, accept=range(256)).text, running.evidence)
            assert "ID=guix" in running.exec("cat", "/etc/os-release").text
        else:
            until(lambda: "starting systemd for oci" in running.logs(), running.evidence)
            assert "ID=nixos" in running.exec("cat", "/etc/static/os-release").text
        current = running.exec("readlink", "/run/current-system").text
        assert current == str(closure.roots[0])
        if kind == "nixos":
            assert running.stop()[0] == 0

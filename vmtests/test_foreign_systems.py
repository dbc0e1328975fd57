"""A system of Guix's shape and one of NixOS's, found in a store, boot under a real engine by what their images say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Machines
from sysimage_vm import container
from sysimage_vm.container import Container
from sysimage_vm.image import read_archive
from sysimage_vm.machine_trial import MachineTrial
from sysimage_vm.waiting import NotYet
from tests.support.builds import build_from_store
from tests.support.examples import build_example, default_cache
from tests.support.foreign_systems import Parts, copied_store, guix_system, nixos_system, register
from tests.support.store_builder import StoreBuilder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoreBuilder, Parts]:
    top = tmp_path_factory.mktemp("base")
    archive = build_example("base", top / "base.tar", "--compression", "none")
    return copied_store(archive, default_cache() / "store/gnu/store", top)


def until(container: Container, said: Callable[[], str], word: str) -> None:
    def holds() -> bool | NotYet:
        return word in (answer := said()) or NotYet(answer[-2000:])

    container.engine.machine.ask(f"the container to say {word!r}", holds, pause=1)


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
        running = container.run(engine, trial.reference(), "machine")
        if kind == "guix":
            herd = ("/run/current-system/profile/bin/herd", "status", "greeter")
            until(running, lambda: running.exec(*herd, accept=range(256)).output, "running")
            log = ("cat", "/var/log/greeter.log")
            until(running, lambda: running.exec(*log, accept=range(256)).text, "hello from the system")
            assert "ID=guix" in running.exec("cat", "/etc/os-release").text
        else:
            until(running, running.logs, "starting systemd for oci")
            assert "ID=nixos" in running.exec("cat", "/etc/static/os-release").text
        current = running.exec("readlink", "/run/current-system").text
        assert current == str(closure.roots[0])
        if kind == "nixos":
            assert running.stop()[0] == 0

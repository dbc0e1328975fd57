"""Boots systems of Guix's and NixOS's shape, found in a store, by the entry points that their images say."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.pipeline.build import BuildResult
from sysimage.verify import verify_image
from tests.support.builds import build_from_store, config_of
from tests.support.examples import build_example, default_cache
from tests.support.foreign_systems import Parts, copied_store, guix_system, nixos_system, register
from tests.support.namespaces import boot, unpack
from tests.support.store_builder import StoreBuilder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[StoreBuilder, Parts]:
    top = tmp_path_factory.mktemp("base")
    archive = build_example("base", top / "base.tar", "--compression", "none")
    return copied_store(archive, default_cache() / "store/gnu/store", top)


def image_of(closure: Closure, store: StoreBuilder, parts: Parts, workspace: Path, **more: Any) -> BuildResult:
    register(closure, workspace / "registration")
    source = {"system": str(closure.roots[0]), "source": "registration", "location": str(store.location), "check": True}
    # Debian's Guile looks for its modules below /usr, where Guix's knows them in the store.
    spec = {"name": "machine", "from-store": source, "symlinks": {"/usr": parts.profile}, "max-layers": 20, **more}
    result = build_from_store(workspace, json.loads(json.dumps(spec)), compression="none")
    verify_image(workspace / "machine.tar")
    return result


@pytest.fixture(scope="module", params=[True, False], ids=["boot program", "no boot program"])
def guix(
    base: tuple[StoreBuilder, Parts], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BuildResult, Path]:
    store, parts = base
    workspace = tmp_path_factory.mktemp("guix")
    return image_of(guix_system(store, parts, boot_program=request.param), store, parts, workspace), workspace


def test_a_guix_system_boots_to_its_shepherd(guix: tuple[BuildResult, Path]) -> None:
    result, workspace = guix
    system = str(result.planned.closure.roots[0])
    with unpack(workspace / "machine.tar") as files, boot(files, tmpfs=("/run",)) as booted:

        def herd(*words: str) -> str:
            done = booted.run(["/run/current-system/profile/bin/herd", *words], env={"LC_ALL": "C"})
            return done.stdout

        booted.wait_for("the greeter", lambda: "running" in herd("status", "greeter"))
        assert "Started" in herd("status")
        assert "shepherd" in booted.run(["cat", "/proc/1/cmdline"]).stdout
        for link in ("/run/current-system", "/run/booted-system"):
            assert booted.run(["readlink", "-f", link]).stdout.strip() == system
        assert "ID=guix" in booted.run(["cat", "/etc/os-release"]).stdout
        assert "alice:" in booted.run(["cat", "/etc/passwd"]).stdout  # made by activation
        log = ["cat", "/var/log/greeter.log"]
        booted.wait_for("the greeting in its log", lambda: "hello from the system" in booted.run(log).stdout)
        # The Shepherd of a Guix system stops every service and then asks the kernel to halt, which no container may:
        # what is left of it waits for the engine to end it.
        booted.kill(signal.SIGTERM)
        booted.wait_for("the greeter to end", lambda: "sleep" not in booted.run(["sh", "-c", PROGRAMS]).stdout)


PROGRAMS = "cat /proc/[0-9]*/comm"


def test_a_nixos_system_boots_by_its_init_and_halts_by_its_signal(
    base: tuple[StoreBuilder, Parts], tmp_path: Path
) -> None:
    store, parts = base
    result = image_of(nixos_system(store, parts), store, parts, tmp_path)
    assert config_of(result)["config"]["StopSignal"] == "SIGRTMIN+3"
    with unpack(tmp_path / "machine.tar") as files, boot(files, tmpfs=("/run",)) as booted:
        booted.wait_for("systemd", lambda: "starting systemd for oci" in booted.output())
        found = booted.run(["readlink", "/run/current-system"]).stdout.strip()
        assert found == str(result.planned.closure.roots[0])
        assert "ID=nixos" in booted.run(["cat", "/etc/static/os-release"]).stdout
        assert booted.stop() == 0
        assert "halting" in booted.output()

"""Boots systems that Guix and Nix built, by the entry points that their images say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sysimage.pipeline.build import BuildResult
from sysimage.store.paths import StorePath
from sysimage.store.query import read_store
from sysimage.store.query.registration import parse_registration
from sysimage.verify import verify_image
from tests.support.builds import build_from_store, config_of
from tests.support.foreign_systems import KEPT, ForeignSystem, guix_systems, nixos_system
from tests.support.namespaces import Booted, boot, no_cgroup, unpack


@pytest.fixture(scope="module")
def guix(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, ForeignSystem]:
    return guix_systems(tmp_path_factory.mktemp("guix"))


def image_of(system: ForeignSystem, workspace: Path) -> BuildResult:
    result = build_from_store(workspace, system.spec(), workspace / "machine.tar", compression="none")
    verify_image(workspace / "machine.tar")
    return result


def sh(booted: Booted, command: str) -> str:
    return booted.run(["/bin/sh", "-c", command]).stdout


@pytest.mark.parametrize("which", ["machine", "plain"])
def test_a_system_that_guix_built_boots_to_its_services(
    which: str, guix: Mapping[str, ForeignSystem], tmp_path: Path
) -> None:
    system = guix[which]
    result = image_of(system, tmp_path)
    entry_point = config_of(result)["config"]["Entrypoint"]
    assert entry_point[-1] == system.path
    assert entry_point[0].endswith("-boot-program" if which == "machine" else "/bin/guile-3.0")
    with unpack(tmp_path / "machine.tar") as files, boot(files, tmpfs=("/run", "/run/lock", "/tmp")) as booted:
        herd = "/run/current-system/profile/bin/herd"
        booted.wait_for("the greeter", lambda: "running" in sh(booted, f"{herd} status greeter"))
        booted.wait_for("its log", lambda: "hello from alice" in sh(booted, "cat /var/log/greeter.log"))
        assert "shepherd" in sh(booted, "cat /proc/1/cmdline")
        for link in ("/run/current-system", "/run/booted-system"):
            assert sh(booted, f"readlink -f {link}").strip() == system.path
        assert "ID=guix" in sh(booted, "cat /etc/os-release")  # activation got past /etc/hostname, which is mounted
        assert "alice:x:1000:" in sh(booted, "cat /etc/passwd")
        assert "passwd" in sh(booted, "ls /run/privileged/bin")
        if which == "machine":
            assert booted.stop() == 0


def test_the_references_of_what_guix_built_are_found(guix: Mapping[str, ForeignSystem]) -> None:
    """Those of its database, by our own scanner."""
    system = guix["machine"]
    root = StorePath.parse(system.path)
    ours = {item.path: item for item in read_store(system.source, [root], location=system.location).items}
    for facts in parse_registration((KEPT / "guix" / "registration").read_text()):
        item = ours.pop(facts.path, None)  # what is only the other system's is missing
        assert item is None or (item.nar_hash, item.references) == (facts.nar_hash, facts.references)
    assert not [path for path in ours if path.name in ("boot", "etc", "profile", "system")]


@pytest.mark.skipif(bool(no_cgroup()), reason=no_cgroup())
def test_a_nixos_system_boots_its_systemd(tmp_path: Path) -> None:
    """In a cgroup of its own; engines in the virtual machine give it one, too (vmtests/test_foreign_systems.py)."""
    system = nixos_system(tmp_path)
    result = image_of(system, tmp_path)
    config = config_of(result)["config"]
    assert (config["Entrypoint"], config["StopSignal"]) == ([f"{system.path}/init"], "SIGRTMIN+3")
    with unpack(tmp_path / "machine.tar") as files, boot(files, tmpfs=("/run", "/run/lock", "/tmp")) as booted:
        systemctl = ["/run/current-system/sw/bin/systemctl", "is-system-running"]
        booted.wait_for("systemd", lambda: booted.run(systemctl).stdout.strip() == "running")
        assert booted.run(["cat", "/proc/1/comm"]).stdout.strip() == "systemd"
        assert "starting systemd..." in booted.output()
        assert booted.stop() == 0

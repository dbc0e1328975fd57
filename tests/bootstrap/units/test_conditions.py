"""What must hold for a service to start: decided in advance where all containers are alike."""

from __future__ import annotations

import pytest

from sysimage_bootstrap.units.conditions import Condition, read_conditions
from sysimage_bootstrap.units.directives import Outcome, outcome
from sysimage_bootstrap.units.specifiers import UnitName
from sysimage_bootstrap.units.unit_file import UnitFile

NAME = UnitName("db@1.service")


def conditions(*lines: str) -> tuple[Condition, ...]:
    return read_conditions(UnitFile.parse("\n".join(("[Unit]", *lines))), NAME)


def test_signs_before_a_value_say_how_it_counts() -> None:
    found = conditions(
        "ConditionPathExists=/etc/%i",
        "ConditionPathExists=!/b",
        "AssertPathExists=|/c",
        "ConditionPathExists=|! /d",
        "Description=ConditionPathExists=/x",
        "ConditionOther=x",
        "[Service]",
        "ConditionPathExists=/y",
    )
    assert found == (
        Condition("ConditionPathExists", "exists", "/etc/1", negated=False, alternative=False, required=False),
        Condition("ConditionPathExists", "exists", "/b", negated=True, alternative=False, required=False),
        Condition("ConditionPathExists", "exists", "/d", negated=True, alternative=True, required=False),
        Condition("AssertPathExists", "exists", "/c", negated=False, alternative=True, required=True),
    )


@pytest.mark.parametrize(
    ("test", "lines"),
    [
        ("always", "ACPower=true User=x Group=x Host=x KernelVersion=>5 ControlGroupController=cpu Memory=1G CPUs=>1"),
        ("always", "CPUFeature=x Architecture=arm64 OSRelease=x MemoryPressure=1 CPUPressure=1 IOPressure=1"),
        ("always", "Virtualization=container Virtualization=docker Virtualization=podman Virtualization=oci"),
        ("always", "Virtualization=yes Virtualization=1 Virtualization=true Virtualization=private-users"),
        ("always", "FirstBoot=no FirstBoot=false FirstBoot=0"),
        ("never", "FirstBoot=yes Virtualization=vm Virtualization=kvm Virtualization=no"),
        ("never", "KernelCommandLine=x Security=selinux NeedsUpdate=/etc KernelModuleLoaded=x"),
        ("never", "PathIsEncrypted=/x Credential=x Firmware=uefi"),
        ("glob", "PathExistsGlob=/x*"),
        ("directory", "PathIsDirectory=/x"),
        ("link", "PathIsSymbolicLink=/x"),
        ("writable", "PathIsReadWrite=/x"),
        ("mount-point", "PathIsMountPoint=/x"),
        ("not-empty-directory", "DirectoryNotEmpty=/x"),
        ("not-empty", "FileNotEmpty=/x"),
        ("executable", "FileIsExecutable=/x"),
        ("capability", "Capability=CAP_KILL"),
        ("environment", "Environment=A=1"),
    ],
)
def test_a_condition_is_decided_for_every_container_or_tested_at_the_start(test: str, lines: str) -> None:
    for line in lines.split():
        assert [(line, one.test) for one in conditions(f"Condition{line}")] == [(line, test)]
        assert outcome("Unit", f"Condition{line.partition('=')[0]}") == (Outcome.DONE, "")

"""Programs for other processors: an image in which no other is there is refused, with what its programs are for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from sysimage.rules.finding import Finding
from sysimage.rules.paths import Parts, as_parts
from sysimage.rules.program_architectures import check_architecture
from sysimage.rules.runtime import Runtime
from tests.rules.test_runnable import Files
from tests.support.store_builder import static_elf

AMD64, ARM64, S390X, STRANGE = (static_elf(number) for number in (62, 183, 22, 9999))
ITEMS = ("/s/b", "/s/a", "/s/tool", "/s/none")


class Listed(Files):
    """Names come in an order of the file system's own."""

    def names(self, parts: Parts) -> Iterable[bytes]:
        return sorted(super().names(parts), reverse=True)


def faults(files: dict[str, Any], architecture: str = "amd64") -> list[Finding]:
    return list(check_architecture(Listed(files), Runtime(architecture), map(as_parts, ITEMS)))


@pytest.mark.parametrize(
    "place",
    [
        *("/s/b/bin/x", "/s/a/sbin/x", "/s/tool", "/usr/local/bin/x", "/usr/local/sbin/x", "/usr/bin/x", "/usr/sbin/x"),
        *("/bin/x", "/sbin/x", "/opt/bin/x", "/app/x"),
    ],
)
def test_one_program_that_runs_is_enough_and_a_foreign_one_alone_is_a_fault(place: str) -> None:
    foreign = {"/s/b/bin/other": ARM64, "/usr/bin/other": ARM64}
    assert faults({**foreign, place: AMD64}) == []
    assert faults({place: ARM64}) == [
        Finding(
            "architecture",
            ("architecture",),
            f"no program in the image is for amd64: {place} is for arm64",
            'say "architecture": "arm64", or take what is for amd64',
        )
    ]


@pytest.mark.parametrize("place", ["/s/b/lib/x", "/s/b/bin/x/y", "/s/other/bin/x", "/x", "/usr/lib/x", "/srv/x"])
def test_only_where_programs_are_they_are_looked_for(place: str) -> None:
    assert faults({place: ARM64}) == []
    assert len(faults({place: AMD64, "/bin/x": ARM64})) == 1


def test_what_is_not_a_program_does_not_count() -> None:
    assert faults({}) == []
    assert faults({"/bin/x": (0o644, ARM64), "/bin/y": b"#!/bin/sh", "/bin/z": "../lib/z", "/lib/z": ARM64}) == []
    assert len(faults({"/bin/x": (0o644, AMD64), "/bin/y": (0o001, ARM64), "/bin/z": "/lib/z", "/lib/z": AMD64})) == 1


def test_directories_of_programs_may_be_links() -> None:
    assert len(faults({"/bin": "lib/programs", "/lib/programs/x": ARM64})) == 1
    assert len(faults({"/bin": "gone", "/sbin": "/lib/x", "/lib/x": ARM64, "/app/x": ARM64})) == 1


def test_an_architecture_that_is_not_known_has_no_foreign_programs() -> None:
    assert faults({"/bin/x": ARM64}, "vax") == []


def test_each_machine_is_named_with_the_first_program_for_it() -> None:
    (found,) = faults(
        {
            **{f"/s/b/bin/{name}": data for name, data in {"d": ARM64, "c": S390X, "b": S390X}.items()},
            "/s/a/bin/a": STRANGE,
            "/usr/bin/a": ARM64,
            "/s/a/bin/\n": ARM64,
        }
    )
    assert found.message == (
        "no program in the image is for amd64: /s/b/bin/b is for ELF machine 22, 64 bits, little-endian and /s/b/bin/d "
        "is for arm64 and /s/a/bin/a is for ELF machine 9999, 64 bits, little-endian"
    )
    assert found.hint == 'say "architecture": "arm64", or take what is for amd64', "the first that has a name"
    (found,) = faults({"/bin/x": STRANGE})
    assert found.hint == "take what is for amd64"

"""Which program a name means that several packages provide, from their scripts and the names of their files."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest

from sysimage_bootstrap.debs.inventory import Inventory
from sysimage_bootstrap.planning.alternatives import alternative_targets
from sysimage_bootstrap.planning.union_tree import UnionTree
from tests.bootstrap.planning.test_plan import inventory


def package(name: str, postinst: str, *files: str) -> Inventory:
    return inventory(name, *files, maintainer_files={"postinst": f"#!/bin/sh\n{postinst}\n"})


def install(name: str, program: str, priority: int, more: str = "") -> str:
    return f"update-alternatives --install /usr/bin/{name} {name} {program} {priority} {more}"


def targets(*packages: Inventory, chosen: Mapping[str, str] | None = None) -> dict[str, str]:
    inventories = {one.package: one for one in packages}
    return alternative_targets(inventories, UnionTree(inventories), "amd64", chosen or {})


LOW = package("low", install("x", "/usr/bin/low", 5, "--slave /usr/bin/y y /usr/bin/low-y"), "bin/low", "bin/low-y")
HIGH = package("high", install("x", "/bin/high", 10), "bin/high")


def test_the_highest_priority_counts_or_what_is_chosen_with_what_follows_it() -> None:
    assert targets(LOW, HIGH) == {"bin/x": "bin/high"}
    assert targets(LOW) == {"bin/x": "bin/low", "bin/y": "bin/low-y"}
    assert targets(HIGH, LOW, chosen={"x": "low"}) == {"bin/x": "bin/low", "bin/y": "bin/low-y"}


def test_among_equals_the_order_of_the_packages_does_not_count() -> None:
    equals = [package(name, install("x", f"/usr/bin/{name}", 5), f"bin/{name}") for name in "abc"]
    assert len({str(targets(*order)) for order in itertools.permutations(equals)}) == 1


def test_what_is_not_in_usr_or_no_package_has_is_left_out() -> None:
    lost = package(
        "lost",
        "update-alternatives --install /etc/x x /usr/bin/lost 5\n"
        f"{install('y', '/opt/lost/bin/y', 5)}\n{install('z', '/usr/bin/none', 5)}\n{install('v', '/usr/bin/lost', 1)}",
        "bin/lost",
    )
    assert targets(lost) == {"bin/v": "bin/lost"}
    assert targets(package("other", "echo none", "bin/other"), inventory("silent", "bin/silent")) == {}


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("-x /usr/bin/tool", True),
        ("-f /bin/tool", True),
        ("-d /usr/bin/tool", False),
        ("-d /usr/share/tool", True),
        ("-f /usr/share/tool", False),
        ("-e /usr/share/none", False),
        ("-d /usr/share/none", False),
        ("-e /var/lib/tool/data", True),
    ],
)
def test_scripts_see_the_files_and_directories_of_all_packages(question: str, answer: bool) -> None:
    asking = package("asking", f"if [ {question} ]; then {install('x', '/usr/bin/tool', 5)}; fi")
    tool = inventory("tool", "bin/tool", "share/tool/data", "var/lib/tool/data")
    assert targets(asking, tool) == ({"bin/x": "bin/tool"} if answer else {})

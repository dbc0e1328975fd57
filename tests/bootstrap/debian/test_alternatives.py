"""Alternatives: one table, one choice, for the links of a system and for the interpreters of its scripts."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage_bootstrap.debian.alternatives import Alternatives, Candidate
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.planning.shebangs import shebangs
from sysimage_bootstrap.planning.union_tree import UnionTree
from sysimage_bootstrap.system.alternatives import alternative_links
from tests.bootstrap.planning.test_plan import inventory

ANYTHING = Alternatives("amd64", (), lambda path: False, {})
EVERY = [(link, candidate) for link in Alternatives.links() for candidate in ANYTHING.candidates(link)]


def choice(*packages: str, ships: tuple[str, ...], architecture: str = "amd64", **chosen: str) -> Alternatives:
    return Alternatives(architecture, packages, ships.__contains__, chosen)


def test_debians_priority_decides() -> None:
    both = choice("gawk", "mawk", ships=("bin/gawk", "bin/mawk"))
    assert both.choose("bin/awk") == Candidate("gawk", "bin/gawk")


def test_the_user_decides_against_the_priority() -> None:
    both = choice("gawk", "mawk", ships=("bin/gawk", "bin/mawk"), awk="mawk")
    assert both.choose("bin/awk") == Candidate("mawk", "bin/mawk")
    # The package's name need not be the program's.
    editors = choice("nano", "vim-tiny", ships=("bin/nano", "bin/vim.tiny"), editor="vim-tiny")
    assert editors.choose("bin/editor") == Candidate("vim-tiny", "bin/vim.tiny")


def test_what_debian_links_together_goes_to_one_package() -> None:
    both = choice("gawk", "mawk", ships=("bin/gawk", "bin/mawk"), awk="mawk")
    assert both.choose("bin/nawk") == Candidate("mawk", "bin/mawk")


def test_a_path_that_a_package_ships_is_no_alternative() -> None:
    assert choice("mawk", ships=("bin/mawk", "bin/awk")).choose("bin/awk") is None


def test_a_path_without_alternatives_has_no_choice() -> None:
    assert choice("gawk", ships=("bin/gawk",)).choose("bin/unheard-of") is None


@pytest.mark.parametrize("architecture", sorted(ELF_TARGETS))
def test_java_is_found_on_every_architecture(architecture: str) -> None:
    program = f"lib/jvm/java-21-openjdk-{architecture}/bin/java"
    java = choice("openjdk-21-jre-headless", ships=(program,), architecture=architecture)
    assert java.choose("bin/java") == Candidate("openjdk-21-jre-headless", program)


def test_the_same_candidate_is_in_the_table_once_and_leads_elsewhere() -> None:
    assert len(EVERY) == len(set(EVERY))
    assert all(candidate.program != link for link, candidate in EVERY)


@given(st.sets(st.sampled_from(EVERY), max_size=12), st.data())
def test_a_script_is_run_by_the_program_that_the_link_leads_to(
    installed: set[tuple[str, Candidate]], data: st.DataObject
) -> None:
    packages = sorted({candidate.package for _, candidate in installed})
    inventories = {
        name: inventory(name, *sorted({one.program for _, one in installed if one.package == name}))
        for name in packages
    }
    scripts = {f"bin/script-{number}": f"/usr/{link}" for number, link in enumerate(Alternatives.links())}
    inventories["scripts"] = inventory("scripts", *scripts, scripts=scripts)
    namespace = UnionTree(inventories)
    names = [PurePosixPath(link).name for link, _ in installed]
    chosen = {
        name: data.draw(st.sampled_from(packages))
        for name in (data.draw(st.sets(st.sampled_from(names))) if names else ())
    }
    alternatives = Alternatives("amd64", inventories.keys(), namespace.has, chosen)
    try:
        links = alternative_links(alternatives)
    except SpecError:  # a package that was chosen has not this program
        return
    interpreters = shebangs(inventories["scripts"], namespace, alternatives)
    assert links == {
        f"/usr/{link}": f"/usr/{interpreters[script].interpreter.path}"
        for script, link in zip(scripts, Alternatives.links(), strict=True)
        if script in interpreters and not namespace.has(link)
    }

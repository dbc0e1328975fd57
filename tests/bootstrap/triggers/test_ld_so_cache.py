"""The cache is the one that this machine's own ldconfig writes of the same files, byte for byte."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.archive import native_architecture
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.triggers.ld_so_cache import (
    Library,
    compare_names,
    generator,
    ld_so_cache,
    libraries_of,
    library_directories,
)
from sysimage_bootstrap.triggers.merged_tree import MergedTree
from tests.bootstrap.building.host_packages import find_library

TARGET = ELF_TARGETS[native_architecture()]
LIB = f"usr/lib/{TARGET.triplet}"
LDCONFIG = Path("/sbin/ldconfig")
NAMES = st.from_regex(r"lib[a-z0-9.+]{0,6}\.so(\.[0-9]{1,3}){0,2}", fullmatch=True)


def tree_of(root: Path) -> MergedTree:
    """What is below a directory of this machine, as a tree of packages."""
    return MergedTree.of(
        {
            f"/{path.relative_to(root)}": str(path.readlink()) if path.is_symlink() else path
            for path in root.rglob("*")
            if path.is_symlink() or path.is_file()
        }
    )


def this_ldconfig() -> str:
    """What this machine's ldconfig calls itself."""
    said = subprocess.run([LDCONFIG, "--version"], capture_output=True, check=True, text=True).stdout
    words = re.match(r"ldconfig \(Debian GLIBC (.*)\) ", said.splitlines()[0])
    assert words is not None
    return generator(words[1])


def of_ldconfig(root: Path) -> bytes:
    subprocess.run([LDCONFIG, "-r", root], check=True, capture_output=True)
    return (root / "etc/ld.so.cache").read_bytes()


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    """A system with real libraries: in the usual places, in configured ones, twice, and where links lead."""
    root = tmp_path / "root"
    for directory in (f"{LIB}/private", "usr/lib/old", "usr/local/lib", "etc/ld.so.conf.d"):
        (root / directory).mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "etc/ld.so.conf").write_text("# all\ninclude /etc/ld.so.conf.d/*.conf\n")
    (root / "etc/ld.so.conf.d/libc.conf").write_text("# default\n/usr/local/lib\n")
    (root / "etc/ld.so.conf.d/a-private.conf").write_text(f"/{LIB}/private\n")
    (root / "etc/ld.so.conf.d/z.conf").write_text(f"/lib/{TARGET.triplet}\n/{LIB}\n/usr/lib/absent\n")
    (root / "etc/ld.so.conf.d/ignored").write_text("/usr/lib/old\n")
    zlib, ssl, libc = (find_library(name).resolve() for name in ("libz.so.1", "libssl.so.3", "libc.so.6"))
    for place, source in (
        ("libz.so.1.2.13", zlib),
        ("private/libz.so.1.3", zlib),
        ("libssl.so.3", ssl),
        ("libc.so.6", libc),
        ("module.so", ssl),
    ):
        shutil.copy(source, root / LIB / place)
    shutil.copy(zlib, root / "usr/local/lib/libz.so.1")
    (root / LIB / "libz.so.1").symlink_to("libz.so.1.2.13")
    (root / LIB / "libz.so").symlink_to("libz.so.1.2.13")
    (root / LIB / "private/libz.so.1").symlink_to("libz.so.1.3")
    (root / LIB / "libtext.so").write_text("GROUP ( libc.so.6 )")
    (root / LIB / "libgone.so.1").symlink_to("nowhere")
    return root


@pytest.mark.programs
def test_it_is_what_ldconfig_writes(root: Path) -> None:
    made = ld_so_cache(libraries_of(tree_of(root), TARGET), TARGET, this_ldconfig())
    assert made == of_ldconfig(root)


@pytest.mark.programs
def test_a_system_without_libraries_has_a_cache_too(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / LIB).mkdir(parents=True)
    made = ld_so_cache(libraries_of(tree_of(tmp_path), TARGET), TARGET, this_ldconfig())
    assert made == of_ldconfig(tmp_path)


def test_the_directories_are_those_of_the_configuration_and_then_the_standard_ones(root: Path) -> None:
    assert library_directories(tree_of(root), TARGET) == (
        f"/{LIB}/private",
        "/usr/local/lib",
        f"/lib/{TARGET.triplet}",
        f"/{LIB}",
        "/usr/lib/absent",
        "/lib",
        "/usr/lib",
    )


@given(st.sets(NAMES, min_size=1))
def test_names_are_in_one_order_and_numbers_count_by_value(names: set[str]) -> None:
    cache = ld_so_cache([Library(name, f"/lib/{name}") for name in names], TARGET, "x")
    listed = re.findall(rb"lib[^\0]*", cache)
    assert {f"/lib/{name}" for name in names} >= {f"/{name.decode()}" for name in listed if name.startswith(b"lib/")}
    assert compare_names("libx.so.9", "libx.so.10") < 0 < compare_names("libx1.so", "libx.so")
    ordered = sorted(names)
    assert all((compare_names(a, b) > 0) == (compare_names(b, a) < 0) for a, b in pairwise(ordered))


def test_a_configuration_that_includes_itself_ends() -> None:
    text = b"include /etc/ld.so.conf\n/usr/lib/x # too\n"
    assert library_directories(MergedTree.of({"/etc/ld.so.conf": text}), TARGET)[0] == "/usr/lib/x"

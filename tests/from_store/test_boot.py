"""How systems of Guix and NixOS are distinguished, and what starts them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.from_store.boot import boot_defaults, boot_program, first_boot_entries, recognise
from sysimage.from_store.item_files import ItemFiles
from sysimage.rootfs.system import ImageDefaults
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemKind
from sysimage.store import StoreItem
from tests.support.store_builder import ELF, Link, Program, StoreBuilder

GUIX = {"boot": "", "activate": "", "profile": {}}
NIXOS = {"init": "", "activate": "", "sw": {}}


def store(top: Path, **items: Any) -> tuple[tuple[StoreItem, ...], ItemFiles]:
    """Items by name, with ``_`` for ``-``, in this order."""
    made = StoreBuilder(top)
    for name, content in items.items():
        made.add(name.replace("_", "-"), content)
    return tuple(made.items.values()), ItemFiles(made.items.values())


def kind_of(top: Path, content: Mapping[str, Any], specified: SystemKind | None = None) -> SystemKind:
    (item,), files = store(top, system=content)
    return recognise(item.path, files, specified)


def test_a_system_is_of_the_kind_whose_files_it_has(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "1", GUIX) is SystemKind.GUIX
    assert kind_of(tmp_path / "2", NIXOS) is SystemKind.NIXOS
    both = {**GUIX, **NIXOS}
    for kind in SystemKind:
        assert kind_of(tmp_path / kind.value, both, kind) is kind


@pytest.mark.parametrize(
    ("content", "specified", "message", "hint"),
    [
        ({**GUIX, **NIXOS}, None, ": it could be a Guix or a NixOS system", 'say "system-kind"'),
        (
            {"boot": "", "activate": ""},
            None,
            ": it is neither a Guix nor a NixOS system",
            'say "paths" for items without an init',
        ),
        (NIXOS, SystemKind.GUIX, " as a guix system: it has no boot, profile", None),
        (
            {**GUIX, "system.json": ""},
            SystemKind.GUIX,
            " from the store: it was made of packages, and accounts and /etc are not in it",
            "build the image from the spec that the system was made of",
        ),
    ],
)
def test_what_is_of_no_kind_or_of_another_is_refused(
    tmp_path: Path, content: Mapping[str, Any], specified: SystemKind | None, message: str, hint: str | None
) -> None:
    with pytest.raises(SpecError) as caught:
        kind_of(tmp_path, content, specified)
    assert (str(caught.value).partition("-system")[2], caught.value.hint) == (message, hint)


def test_nixos_boots_by_init_and_guix_by_the_program_among_its_roots(tmp_path: Path) -> None:
    items, files = store(
        tmp_path,
        other=Program(ELF),
        text={"boot-program": ""},
        boot_program=Program(ELF),
        system={
            **GUIX,
            "gc-roots": {"0": Link("{other}"), "1": "text", "2": Link("/gone"), "3": Link("{boot-program}")},
        },
    )
    program, system = items[2].path, items[3].path
    assert boot_program(system, items, files) == program
    assert boot_defaults(SystemKind.GUIX, system, items, files) == ImageDefaults(
        (str(program), str(system)),
        (),
        "SIGTERM",
        {"PATH": "/run/privileged/bin:/run/current-system/profile/bin:/run/current-system/profile/sbin"},
    )
    assert boot_defaults(SystemKind.NIXOS, system, items, files) == ImageDefaults(
        (f"{system}/init",),
        (),
        "SIGRTMIN+3",
        {"PATH": "/run/wrappers/bin:/run/current-system/sw/bin", "container": "oci"},
    )


@pytest.mark.parametrize(
    ("program", "roots"),
    [
        ("no program", {"0": Link("{boot-program}")}),
        (Program(ELF), {}),
        (Program(ELF), "no directory"),
        (Program(ELF), {"0": Link("{system}")}),
    ],
)
def test_a_boot_program_can_be_run_and_is_a_root(tmp_path: Path, program: Any, roots: Any) -> None:
    items, files = store(tmp_path, boot_program=program, system={**GUIX, "gc-roots": roots})
    assert boot_program(items[1].path, items, files) is None


def guile_of(top: Path, **others: Any) -> str:
    """What boots a system without a boot program: the name of its item and the path in it."""
    items, files = store(top, **others, system=GUIX)
    defaults = boot_defaults(SystemKind.GUIX, items[-1].path, items, files)
    guile, option, command, program, system = defaults.entry_point
    assert (option, command, system) == ("--no-auto-compile", "-c", str(items[-1].path))
    assert program.endswith('(primitive-load (string-append system "/boot")))')
    assert defaults.stop_signal == "SIGTERM"
    return guile.partition("-")[2]


GUILE = {"bin": {"guile": Program(ELF)}}


@pytest.mark.parametrize(
    "first_line",
    [
        None,
        "",
        "#!",
        "#!  ",
        "text /guile",
        "!#{guile-2.2}/bin/guile",
        "#!{bash-5}/bin/sh",
        "#!{guile-2.2}/bin/none-guile",
        "#!guile",
        f"#!{'x' * 4100}{{guile-2.2}}/bin/guile",
    ],
)
def test_without_a_shepherd_that_says_its_guile_the_newest_one_counts(tmp_path: Path, first_line: str | None) -> None:
    made: dict[str, Any] = {
        "guile_2.2": GUILE,
        "guile_3.0.10": GUILE,
        "guile_3.0.9": GUILE,
        "guile_4.0": {"bin": {"guile": "no program"}},
        "guile_json_9": GUILE,
        "bash_5": {"bin": {"sh": Program(ELF)}},
    }
    bin_: dict[str, Any] = {} if first_line is None else {"shepherd": Program(first_line)}
    assert guile_of(tmp_path, **made, **{"shepherd_1.0": {"bin": bin_}}) == "guile-3.0.10/bin/guile"


@pytest.mark.parametrize("first_line", ["#!{guile-2.2}/bin/guile", "#! {guile-2.2}/bin/guile --no-auto-compile\n!#"])
def test_a_shepherd_says_its_guile(tmp_path: Path, first_line: str) -> None:
    made = {"guile_2.2": GUILE, "guile_3.0": GUILE}
    shepherd = {"shepherd_run": {"bin": {}}, "shepherd_1.0": {"bin": {"shepherd": Program(first_line)}}}
    assert guile_of(tmp_path, **made, **shepherd) == "guile-2.2/bin/guile"


def test_a_system_that_nothing_can_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        guile_of(tmp_path, **{"guile_4.0": {"bin": {"guile": "no program"}}, "xguile_3.0": GUILE})
    assert "system: there is neither a boot program among its GC roots nor a Guile in its closure" in str(caught.value)
    assert caught.value.hint == (
        "a Guix system made for a container has both: guix system build, with a container's operating-system"
    )


def test_before_the_first_boot_there_are_two_accounts_and_a_shell(tmp_path: Path) -> None:
    sh = {"bin": {"sh": Program(ELF)}}
    made = {"ash_1": sh, "zsh_1": sh, "bash_5": sh, "bash_4": {"bin": {"sh": "no program"}}}
    items, files = store(tmp_path / "1", **made, system={"sw": {}})
    root, group, *rest = first_boot_entries(SystemKind.NIXOS, items[-1].path, items, files)
    assert root == Entry.file(
        "/etc/passwd",
        b"root:x:0:0:System administrator:/root:/bin/sh\nnobody:x:65534:65534:Nobody:/nonexistent:/bin/sh\n",
    )
    assert group == Entry.file("/etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    assert rest == [Entry.symlink("/bin/sh", f"{items[2].path}/bin/sh"), Entry.file("/etc/NIXOS", b"")]
    items, files = store(tmp_path / "2", **made, system={"profile": sh})
    _, _, *rest = first_boot_entries(SystemKind.GUIX, items[-1].path, items, files)
    directories = [Entry.directory("/bin"), Entry.directory("/var/db"), Entry.directory("/var/lock", 0o1777)]
    assert rest == [Entry.symlink("/bin/sh", f"{items[-1].path}/profile/bin/sh"), *directories]
    items, files = store(tmp_path / "3", system={"profile": {}})
    assert list(first_boot_entries(SystemKind.GUIX, items[0].path, items, files))[2:] == directories

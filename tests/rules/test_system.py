"""What has to be in an image so that it starts: first program, user, accounts, shells, services, GC roots."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.rules.runtime import Runtime
from sysimage.rules.system import (
    ServiceCommand,
    check_first_boot,
    check_health,
    check_roots,
    check_services,
    check_shells,
    check_start,
    check_system,
    check_user,
    shells_of,
    state_directory,
    surroundings,
)
from tests.rules.test_runnable import ELF, Files

SYSTEM: dict[str, Any] = {
    "/bin/sh": ELF,
    "/usr/bin/tool": ELF,
    "/opt/tool": ELF,
    "/etc/passwd": (0o644, b"root:x:0:0::/root:/bin/sh\nweb:x:1:1::/:/bin/none\nold:x:2:2::/:/usr/sbin/nologin\n"),
    "/etc/group": (0o644, b"root:x:0:\n"),
    "/data": (0o644, b"a file"),
    "/srv": None,
    "/gnu/store/item": None,
    "/var/guix/db/db.sqlite": (0o644, b""),
    "/var/guix/profiles/system": "/gnu/store/item",
    "/var/guix/gcroots/gone": "/gnu/store/gone",
    "/var/guix/gcroots/running": "/run/current-system",
    "/var/guix/gcroots/inside/kept": "/gnu/store/item",
}
FILES = Files(SYSTEM)


def runtime(**values: Any) -> Runtime:
    return Runtime("amd64", **values)


@pytest.mark.parametrize(
    ("environment", "is_found"), [((), True), (("PATH=/opt",), True), (("PATH=/srv",), False), (("PATH=",), False)]
)
def test_the_first_program_is_looked_up_in_the_images_path_or_in_the_usual_one(
    environment: tuple[str, ...], is_found: bool
) -> None:
    found = list(check_start(FILES, runtime(entry_point=("tool",), environment=environment)))
    assert [one.cause for one in found] == ([] if is_found else [("entry-point", "0")])


def test_an_entry_point_takes_precedence_over_a_command_and_the_command_counts_alone() -> None:
    assert not list(check_start(FILES, runtime(entry_point=("/bin/sh",), command=("/gone",))))
    (found,) = check_start(FILES, runtime(command=("/gone",)))
    assert found.cause == ("command", "0")
    assert not list(check_start(FILES, runtime()))


def test_working_directory_and_volumes_are_directories_or_absent() -> None:
    assert not list(check_start(FILES, runtime(working_directory="/srv", volumes=("/srv", "/new"))))
    found = list(check_start(FILES, runtime(working_directory="/data", volumes=("/data",))))
    assert [one.cause for one in found] == [("working-directory",), ("volume", "/data")]


def test_the_program_of_a_health_check_is_there() -> None:
    assert not list(check_health(FILES, runtime(health_check=("CMD", "/bin/sh"))))
    assert not list(check_health(FILES, runtime(health_check=("NONE",))))
    (found,) = check_health(FILES, runtime(health_check=("CMD", "/gone")))
    assert found.cause == ("health-check",)


@pytest.mark.parametrize(
    ("user", "missing"),
    [("", 0), ("0", 0), ("7:7", 0), ("web", 0), ("web:root", 0), ("web:web", 1), ("we", 1), ("a:b", 2)],
)
def test_a_user_and_a_group_with_a_name_are_in_the_account_files(user: str, missing: int) -> None:
    passwd, group = SYSTEM["/etc/passwd"][1], SYSTEM["/etc/group"][1]
    assert len(list(check_user(runtime(user=user), passwd, group))) == missing


def test_every_login_shell_starts_or_refuses_every_login() -> None:
    found = check_shells(surroundings(FILES, runtime()), shells_of(SYSTEM["/etc/passwd"][1]))
    assert [one.cause for one in found] == [("shell", "web")]
    assert list(check_shells(surroundings(FILES, runtime()), {"none": ""})) == [], "without one it is /bin/sh"
    assert shells_of(b"a:b:c\n\nx:::::/:/bin/zsh") == {"x": "/bin/zsh"}


@pytest.mark.parametrize(
    ("changes", "boots", "causes"),
    [
        ({"/tmp": (0o1777, None)}, True, []),
        ({"/tmp": (0o755, None)}, False, ["/tmp"]),
        ({}, False, ["/tmp"]),
        ({"/tmp": (0o1777, None), "/etc/group": "gone", "/bin/sh": "gone"}, False, ["/etc/group"]),
        ({"/tmp": (0o1777, None), "/bin/sh": "gone"}, True, ["/bin/sh"]),
    ],
)
def test_the_first_boot_needs_accounts_a_temporary_directory_and_with_an_init_a_shell(
    changes: dict[str, Any], boots: bool, causes: list[str]
) -> None:
    directories = {path: what[0] for path, what in changes.items() if what[-1] is None}
    files = Files({**SYSTEM, **changes, **dict.fromkeys(directories)}, modes=directories)
    assert [one.cause[1] for one in check_first_boot(files, boots=boots)] == causes


def test_a_service_starts_in_a_directory_that_is_there_and_runs_a_program_that_is_there() -> None:
    def faults(command: str, directory: str, volumes: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
        one = ServiceCommand(
            ("service", "web", "command"), "the service web", (command,), "/usr/bin", "/bin", directory
        )
        return [found.cause for found in check_services(surroundings(FILES, runtime(volumes=volumes)), [one])]

    assert faults("tool", "/srv") == faults("tool", "/new/below", volumes=("/new",)) == []
    assert faults("sh", "/srv") == [("service", "web", "command")], "the program's PATH is not where the init looks"
    assert faults("tool", "/data") == faults("tool", "/new") == [("service", "web", "working-directory")]


def test_the_links_of_the_image_that_keep_items_lead_to_them() -> None:
    found = list(check_roots(FILES, "/var/guix", lambda _: True))
    assert [one.cause for one in found] == [("file", "/var/guix/gcroots/gone")]
    assert list(check_roots(FILES, "/var/guix", lambda _: False)) == []


def test_a_store_is_known_by_its_database() -> None:
    assert state_directory(FILES) == "/var/guix"
    assert state_directory(Files({"/nix/var/nix/db/db.sqlite": b""})) == "/nix/var/nix"
    assert state_directory(Files({"/gnu/store/item": None})) is None


def test_only_a_system_is_asked_for_what_a_first_boot_needs() -> None:
    def parts(files: Files, state: str | None, *, own: bool) -> set[str]:
        passwd, group = SYSTEM["/etc/passwd"][1], SYSTEM["/etc/group"][1]
        values = runtime(health_check=("CMD", "/gone"))
        found = check_system(files, values, state, passwd, group, own=lambda _: own, own_health_check=own)
        return {one.rule for one in found}

    assert parts(FILES, "/var/guix", own=True) == {"health check", "GC roots", "first boot", "login shells"}
    assert parts(FILES, "/var/guix", own=False) == {"first boot"}
    assert parts(FILES, None, own=False) == set()
    pack = Files({path: what for path, what in SYSTEM.items() if path != "/var/guix/profiles/system"})
    assert parts(pack, "/var/guix", own=True) == {"health check", "GC roots"}

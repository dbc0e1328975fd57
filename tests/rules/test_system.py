"""What has to be in an image so that it starts: first program, user, accounts, shells, services, GC roots."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.rules.finding import Finding
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
from tests.support.store_builder import static_elf

SYSTEM: dict[str, Any] = {
    "/bin/sh": ELF,
    "/usr/bin/tool": ELF,
    "/opt/tool": ELF,
    "/etc/passwd": (0o644, b"root:x:0:0::/root:/bin/sh\nweb:x:1:1::/:/bin/none\nold:x:2:2::/:/usr/sbin/nologin\n"),
    "/etc/group": (0o644, b"root:x:0:\n"),
    "/data": (0o644, b"a file"),
    "/etc/lines": b"for a shell\n",
    "/srv": None,
    "/gnu/store/item": None,
    "/var/guix/db/db.sqlite": (0o644, b""),
    "/var/guix/profiles/system": "/gnu/store/item",
    "/var/guix/gcroots/gone": "/gnu/store/gone",
    "/var/guix/gcroots/running": "/run/current-system",
    "/var/guix/gcroots/inside/kept": "/gnu/store/item",
}
FILES = Files(SYSTEM)
ADD = "say a program that the image has, or add the package or file that has it"
NAMELESS = "is missing, so users have no names before the first boot"


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
    assert list(check_start(FILES, runtime(command=("/gone",)))) == [
        Finding("entry point", ("command", "0"), "what runs first is /gone, which is not in the image", ADD)
    ]
    assert not list(check_start(FILES, runtime()))


def test_nothing_has_made_what_a_running_system_keeps_when_the_first_program_starts() -> None:
    (found,) = check_start(FILES, runtime(entry_point=("/run/x",)))
    assert found.message == "what runs first is /run/x, which is not in the image"
    assert not list(check_start(FILES, runtime(entry_point=("./tool",), working_directory="/opt")))
    assert not list(check_start(FILES, runtime(entry_point=("/data/x/y",), volumes=("/data/x",))))
    arm = Files({"/x": static_elf(183)})
    (found,) = check_start(arm, runtime(entry_point=("/x",)))
    assert found.message == "what runs first is /x, which is for arm64, and the image for amd64"


def test_working_directory_and_volumes_are_directories_or_absent() -> None:
    assert not list(check_start(FILES, runtime(working_directory="/srv", volumes=("/srv", "/new"))))
    assert list(check_start(FILES, runtime(working_directory="/data", volumes=("/data",)))) == [
        Finding("working directory", ("working-directory",), "/data is a file, where a program is to start"),
        Finding("volumes", ("volume", "/data"), "/data is a file; a volume is a directory"),
    ]


def test_the_program_of_a_health_check_is_there() -> None:
    assert not list(check_health(FILES, runtime(health_check=("CMD", "/bin/sh"))))
    assert not list(check_health(FILES, runtime(health_check=("NONE",))))
    assert not list(check_health(FILES, runtime(health_check=("CMD", "/run/check"))))
    assert list(check_health(FILES, runtime(health_check=("CMD", "/gone")))) == [
        Finding("health check", ("health-check",), "what checks the health is /gone, which is not in the image", ADD)
    ]


@pytest.mark.parametrize(
    ("user", "missing"),
    [
        *((user, []) for user in ("", "0", "7:7", "7", ":0", "web", "web:root", "web:7", ":root")),
        ("web:web", ["web: group"]),
        ("we", ["we: passwd"]),
        ("x:root", ["x: passwd"]),
        ("a:b", ["a: passwd", "b: group"]),
    ],
)
def test_a_user_and_a_group_with_a_name_are_in_the_account_files(user: str, missing: list[str]) -> None:
    passwd, group = SYSTEM["/etc/passwd"][1], SYSTEM["/etc/group"][1]
    names = [one.split(": ") for one in missing]
    assert list(check_user(runtime(user=user), passwd, group)) == [
        Finding("user", ("user",), f"{name} is to run the entry point, but is not in /etc/{file}")
        for name, file in names
    ]


def test_every_login_shell_starts_or_refuses_every_login() -> None:
    around = surroundings(FILES, runtime())
    assert list(check_shells(around, shells_of(SYSTEM["/etc/passwd"][1]))) == [
        Finding("login shells", ("shell", "web"), "the login shell of web is /bin/none, which is not in the image", ADD)
    ]
    assert list(check_shells(around, {"none": "", "no": "/bin/false", "never": "nologin"})) == []
    (found,) = check_shells(surroundings(Files({}), runtime()), {"none": ""})
    assert found.message == "the login shell of none is /bin/sh, which is not in the image", "without one it is that"
    assert shells_of(b"a:b:c\n\nx:::::/:/bin/zsh\ny:::::/:/bin/zsh:\nz::::::") == {"x": "/bin/zsh", "z": ""}


@pytest.mark.parametrize(
    ("changes", "boots", "faults"),
    [
        ({"/tmp": (0o1777, None)}, True, []),
        ({"/tmp": (0o755, None)}, False, ["/tmp is a directory of mode 0755; it should be a directory of mode 1777"]),
        ({"/tmp": (0o1777, b"")}, False, ["/tmp is a file of mode 1777; it should be a directory of mode 1777"]),
        ({}, False, ["/tmp is missing; it should be a directory of mode 1777"]),
        ({"/tmp": (0o1777, None), "/etc/group": "gone", "/bin/sh": "gone"}, False, [f"/etc/group {NAMELESS}"]),
        ({"/tmp": (0o1777, None), "/etc/passwd": (0o755, None)}, False, [f"/etc/passwd {NAMELESS}"]),
        (
            {"/tmp": (0o1777, None), "/bin/sh": "gone"},
            True,
            ["/bin/sh the shell is /bin/sh, but /bin/sh is a link to gone, which is not in the image"],
        ),
        (
            {"/tmp": (0o1777, None), "/bin/sh": b"#!/run/sh"},
            True,
            ["/bin/sh the shell is /bin/sh, a script for /run/sh, which is not in the image"],
        ),
    ],
)
def test_the_first_boot_needs_accounts_a_temporary_directory_and_with_an_init_a_shell(
    changes: dict[str, Any], boots: bool, faults: list[str]
) -> None:
    directories = {path: what[0] for path, what in changes.items() if what[-1] is None}
    files = Files({**SYSTEM, **changes, **dict.fromkeys(directories)}, modes=directories)
    found = list(check_first_boot(files, boots=boots))
    assert [f"{one.cause[1]} {one.message}" for one in found] == faults
    assert {one.rule for one in found} <= {"first boot"}


def test_a_service_starts_in_a_directory_that_is_there_and_runs_a_program_that_is_there() -> None:
    cause, place = ("service", "web", "command"), ("service", "web", "working-directory")

    def faults(command: str, directory: str, volumes: tuple[str, ...] = ()) -> list[Finding]:
        one = ServiceCommand(cause, "the service web", (command,), "/usr/bin", "/bin", directory)
        return list(check_services(surroundings(FILES, runtime(volumes=volumes)), [one]))

    assert faults("tool", "/srv") == faults("tool", "/new/below", volumes=("/new",)) == []
    assert faults("tool", "/run/web") == faults("./bin/tool", "/usr") == faults("/etc/lines", "/") == []
    assert faults("sh", "/srv") == [  # the program's PATH is not where the init looks
        Finding(
            "services",
            cause,
            "what the service web runs is sh, which is not in the image's /usr/bin",
            f"{ADD}; `sysimage which sh` names the package",
        )
    ]
    assert faults("tool", "/data") == [Finding("services", place, "/data is a file, no directory")]
    why = "the service web starts in /new, but /new is not in the image"
    assert faults("tool", "/new") == [Finding("services", place, why, 'declare it under "directories"')]


def test_the_links_of_the_image_that_keep_items_lead_to_them() -> None:
    assert list(check_roots(FILES, "/var/guix", lambda _: True)) == [
        Finding("GC roots", ("file", "/var/guix/gcroots/gone"), "points to /gnu/store/gone, which is not in the image")
    ]
    assert list(check_roots(FILES, "/var/guix", lambda _: False)) == []
    assert list(check_roots(Files({}), "/var/guix", lambda _: True)) == []


def test_links_that_lead_to_nothing_are_found_in_the_order_of_their_paths() -> None:
    below = ["gcroots/a", "gcroots/b/c/x", "gcroots/b/d", "gcroots/e", "profiles/a/b", "profiles/c"]
    kept = {"gcroots/b/a": "/gnu/store/item", "gcroots/tmp": "/tmp/x", "gcroots/z": "/dev/x", "gcroots/y": "/proc/1"}
    links = {f"/nix/var/nix/{one}": "/nix/store/gone" for one in reversed(below)}
    links |= {f"/nix/var/nix/{one}": target for one, target in kept.items()}
    files = Files({**links, "/gnu/store/item": None, "/nix/var/nix/gcroots/file": b""})
    found = check_roots(files, "/nix/var/nix", lambda _: True)
    assert [one.cause[1].removeprefix("/nix/var/nix/") for one in found] == below
    own = check_roots(files, "/nix/var/nix", lambda parts: parts[-1] in (b"c", b"d"))
    assert [one.cause[1].removeprefix("/nix/var/nix/") for one in own] == ["gcroots/b/d", "profiles/c"]


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


@pytest.mark.parametrize("starts", ["boot", "init", "systemd"])
def test_a_system_with_an_init_needs_a_shell_and_its_accounts_have_one_that_starts(starts: str) -> None:
    def found(item: dict[str, Any], passwd: bytes = b"a:x:0:0::/:/bin/sh\nb:x:1:1::/:/gone\n") -> list[str]:
        files = Files({**{path: SYSTEM[path] for path in SYSTEM if path != "/bin/sh"}, **item})
        values = runtime(entry_point=("/gone",), user="nobody", health_check=("CMD", "/gone"))
        whole = check_system(files, values, "/var/guix", passwd, b"", own=lambda _: True, own_health_check=True)
        return [":".join(one.cause) for one in whole]

    asked = ["entry-point:0", "user", "health-check", "file:/var/guix/gcroots/gone"]
    assert found({}) == [*asked, "file:/tmp", "shell:b"]
    assert found({f"/gnu/store/item/{starts}": ELF}) == [*asked, "file:/bin/sh", "file:/tmp", "shell:b"]

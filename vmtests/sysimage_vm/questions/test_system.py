"""What the system was declared to be, against what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest
from testinfra.host import Host

from sysimage_vm.trial import Trial


@pytest.fixture(scope="module")
def declared(trial: Trial) -> Mapping[str, Any]:
    if not trial.declared():
        pytest.skip("this image does not say what it was declared to be")
    return trial.declared()


def test_declared_users_are_there(declared: Mapping[str, Any], inside: Host) -> None:
    for name, user in (declared.get("users") or {}).items():
        found = inside.user(name)
        assert found.exists, name
        if "uid" in user:
            assert found.uid == user["uid"]
        if "home" in user:
            assert found.home == user["home"]
        if "shell" in user:
            assert found.shell == user["shell"]
        assert set(user.get("groups") or []) <= set(found.groups)
        if user.get("group"):
            assert found.group == user["group"]


def test_declared_groups_are_there(declared: Mapping[str, Any], inside: Host) -> None:
    for name, group in (declared.get("groups") or {}).items():
        found = inside.group(name)
        assert found.exists, name
        if "gid" in group:
            assert found.gid == group["gid"]
        assert set(group.get("members") or []) <= set(found.members)


def test_declared_files_have_their_content_owner_and_mode(declared: Mapping[str, Any], inside: Host) -> None:
    for path, expected in (declared.get("files") or {}).items():
        file = inside.file(path)
        assert file.is_file, path
        if path not in ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf"):  # the engine's own are over these
            assert f"sha256:{hashlib.sha256(file.content).hexdigest()}" == expected["digest"], path
        assert (file.user, file.group, f"{file.mode:04o}") == (
            expected["owner"],
            expected["group"],
            expected["mode"],
        ), path


def test_declared_directories_have_their_owner_and_mode(declared: Mapping[str, Any], inside: Host) -> None:
    for path, expected in (declared.get("directories") or {}).items():
        found = inside.file(path)
        assert found.is_directory, path
        assert (found.user, found.group, f"{found.mode:04o}") == (
            expected["owner"],
            expected["group"],
            expected["mode"],
        ), path


def test_declared_symlinks_say_what_they_should(declared: Mapping[str, Any], inside: Host) -> None:
    for path, target in (declared.get("symlinks") or {}).items():
        assert inside.run_expect([0], "readlink %s", path).stdout.rstrip("\n") == target


def test_the_time_zone_is_the_declared_one(declared: Mapping[str, Any], inside: Host) -> None:
    zone = declared["time-zone"]
    if zone == "UTC":
        assert inside.run("date +%z").stdout.strip() == "+0000"
        return
    here, there = inside.run("date +%z").stdout, inside.run("TZ=%s date +%%z", zone).stdout
    assert here == there != ""
    assert inside.run("TZ=%s date +%%Z", zone).stdout == inside.run("date +%Z").stdout


def test_the_locale_works(declared: Mapping[str, Any], trial: Trial, inside: Host) -> None:
    environment = dict(variable.split("=", 1) for variable in trial.image.declared.get("Env") or [])
    assert environment.get("LANG") == declared["locale"]
    wanted = "UTF-8" if "utf" in declared["locale"].lower() else None
    if wanted:
        assert inside.run_expect([0], "locale charmap").stdout.strip() == wanted


def test_the_environment_reaches_commands(trial: Trial, inside: Host) -> None:
    there = inside.run_expect([0], "env").stdout.splitlines()
    for variable in trial.image.declared.get("Env") or []:
        if "\n" not in variable:
            assert variable in there


def test_the_shell_and_env_are_where_scripts_look(trial: Trial, inside: Host) -> None:
    if not trial.has_init():
        pytest.skip("this image runs a plain command instead of an init")
    assert inside.run("/bin/sh -c 'echo $((6 * 7))'").stdout == "42\n"
    assert inside.run("/usr/bin/env true").rc == 0


def test_accounts_are_consistent(declared: Mapping[str, Any], inside: Host) -> None:
    users = [line.split(":") for line in inside.file("/etc/passwd").content_string.splitlines()]
    groups = {line.split(":")[2] for line in inside.file("/etc/group").content_string.splitlines()}
    assert len({user[0] for user in users}) == len(users)
    assert {user[3] for user in users} <= groups

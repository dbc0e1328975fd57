"""What a config may say about a container: every fault is found, and what is at a limit is not a fault."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.rules import limits
from sysimage.rules.finding import Finding
from sysimage.rules.runtime import Runtime, check_runtime

AT_LIMITS: list[dict[str, Any]] = [
    {},
    {"working_directory": "/srv"},
    *({"user": user} for user in ("web", "0", "1000:1000", "web:www-data", ":5", "_apt", "x$", str(limits.IDENTIFIER))),
    *({"stop_signal": signal} for signal in ("SIGTERM", "term", "9", "RTMIN+3", "SIGRTMAX-1")),
    *({"exposed_ports": (port,)} for port in ("80", "80/tcp", "1-65535/udp", "65535", "5000/SCTP")),
    {"volumes": ("/data",)},
    {"environment": ("A=", "B=b=c", "PATH=/bin")},
    {"environment": ("A=" + "x" * (limits.WORD - 2),)},
    {"environment": ("A=" + "x" * 1021,) * (limits.ENVIRONMENT >> 10)},
    {"entry_point": ("x" * limits.WORD,), "command": ("x" * limits.WORD,)},
    {"health_check": ("CMD", "x" * limits.WORD)},
    {"health_check": ("NONE\0",)},
]
FAULTS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "the working directory 'srv' is not absolute": ({"working_directory": "srv"}, ("working-directory",)),
    "the working directory has a component of 256 bytes; a file system takes at most 255": (
        {"working_directory": "/" + "n" * 256},
        ("working-directory",),
    ),
    "the user 'a b' is neither a name nor a number": ({"user": "a b"}, ("user",)),
    "the user 2147483648 has an ID above 2147483647": ({"user": "2147483648"}, ("user",)),
    "the user 1:99999999999 has an ID above 2147483647": ({"user": "1:99999999999"}, ("user",)),
    "the stop signal 'SIGSTOPP' is not a signal": ({"stop_signal": "SIGSTOPP"}, ("stop-signal",)),
    "the stop signal '' is not a signal": ({"stop_signal": ""}, ("stop-signal",)),
    "the exposed port '65536' is not a port": ({"exposed_ports": ("80", "65536")}, ("exposed-port", "65536")),
    "the exposed port '1-65536/tcp' is not a port": (
        {"exposed_ports": ("1-65536/tcp",)},
        ("exposed-port", "1-65536/tcp"),
    ),
    "the exposed port '80/http' is not a port": ({"exposed_ports": ("80/http",)}, ("exposed-port", "80/http")),
    "the volume 'data' is not absolute": ({"volumes": ("data",)}, ("volume", "data")),
    f"the name of the volume /{'n' * 256} has a component of 256 bytes; a file system takes at most 255": (
        {"volumes": ("/" + "n" * 256,)},
        ("volume", "/" + "n" * 256),
    ),
    "the user '²' is neither a name nor a number": ({"user": "²"}, ("user",)),
    "the exposed port '65536-1' is not a port": ({"exposed_ports": ("65536-1",)}, ("exposed-port", "65536-1")),
    f"the health check has a word of {limits.WORD + 2} bytes; no program starts with more than {limits.WORD} in one": (
        {"health_check": ("CMD", "ä" * (limits.WORD // 2 + 1) + "x")},
        ("health-check", "0"),
    ),
    "the environment holds 'HOME', which is not NAME=VALUE": ({"environment": ("HOME",)}, ("environment", "HOME")),
    "the environment holds '=x', which is not NAME=VALUE": ({"environment": ("=x",)}, ("environment", "")),
    f"the variable A has {limits.WORD + 1} bytes; no program starts with more than {limits.WORD} in one": (
        {"environment": ("A=" + "x" * (limits.WORD - 1),)},
        ("environment", "A"),
    ),
    f"the environment has {limits.ENVIRONMENT + 4} bytes; no program starts with more than {limits.ENVIRONMENT}": (
        {"environment": (*("A=" + "x" * 1021,) * (limits.ENVIRONMENT >> 10), "A=x")},
        ("environment",),
    ),
    f"the command has a word of {limits.WORD + 1} bytes; no program starts with more than {limits.WORD} in one": (
        {"command": ("a", "x" * (limits.WORD + 1))},
        ("command", "1"),
    ),
    "the entry point holds a NUL": ({"entry_point": ("a\0",)}, ("entry-point", "0")),
    "the health check holds a NUL": ({"health_check": ("CMD", "a", "b\0")}, ("health-check", "1")),
}


@pytest.mark.parametrize("values", AT_LIMITS, ids=range(len(AT_LIMITS)))
def test_what_engines_and_the_kernel_take_is_not_a_fault(values: dict[str, Any]) -> None:
    assert list(check_runtime(Runtime("amd64", **values))) == []


@pytest.mark.parametrize("message", FAULTS, ids=range(len(FAULTS)))
def test_every_fault_is_found_with_its_cause(message: str) -> None:
    values, cause = FAULTS[message]
    hint = "keep long texts in files" if "no program starts" in message else None
    assert list(check_runtime(Runtime("amd64", **values))) == [Finding("config", cause, message, hint)]


def test_all_faults_are_found_in_the_order_of_the_values() -> None:
    runtime = Runtime(
        "amd64",
        ("\0" * (limits.WORD + 1),),
        working_directory="n" * 256,
        user="a b:2147483648:2147483649",
        environment=("A", "B"),
        stop_signal="x",
        exposed_ports=("x", "y"),
        volumes=("n" * 256, "/" + "n" * 256),
        health_check=("CMD", "a\0", "b\0"),
    )
    assert [one.cause for one in check_runtime(runtime)] == [
        *[("working-directory",)] * 2,
        *[("user",)] * 3,
        *[("environment", "A"), ("environment", "B")],
        *[("entry-point", "0")] * 2,
        *[("health-check", "0"), ("health-check", "1")],
        *[("stop-signal",), ("exposed-port", "x"), ("exposed-port", "y")],
        *[("volume", "n" * 256)] * 2,
        ("volume", "/" + "n" * 256),
    ]


@pytest.mark.parametrize(
    ("check", "shell", "command"),
    [
        ((), (), ()),
        (("NONE",), (), ()),
        (("CMD", "curl", "-f"), ("/bin/bash", "-c"), ("curl", "-f")),
        (("CMD-SHELL", "curl -f x"), (), ("/bin/sh", "-c", "curl -f x")),
        (("CMD-SHELL", "curl -f x"), ("/bin/bash", "-ec"), ("/bin/bash", "-ec", "curl -f x")),
        (("CMD-SHELL",), (), ()),
    ],
)
def test_the_program_of_a_health_check(
    check: tuple[str, ...], shell: tuple[str, ...], command: tuple[str, ...]
) -> None:
    assert Runtime("amd64", health_check=check, shell=shell).health_command() == command


def test_the_last_path_of_an_environment_counts_and_there_may_be_none() -> None:
    assert Runtime("amd64", environment=("HOME=/", "PATH=/bin", "PATH=")).search_path == ""
    assert Runtime("amd64", environment=("PATH=/sbin", "PATH=/usr/bin:/bin", "A=b")).search_path == "/usr/bin:/bin"
    assert Runtime("amd64", environment=("XPATH=/bin",)).search_path is None

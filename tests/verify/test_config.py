"""What a config says, read whole; what is missing or malformed in it, by name."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage.digest import Digest
from sysimage.rules.runtime import Runtime
from sysimage.verify.config import Config, HistoryEntry, parse_config
from sysimage.verify.issue_collector import IssueCollector, MalformedError

DIFF_IDS = [f"sha256:{letter * 64}" for letter in "ab"]
LEAST: dict[str, Any] = {"os": "linux", "architecture": "arm", "rootfs": {"type": "layers", "diff_ids": DIFF_IDS}}


def parsed(document: dict[str, Any]) -> tuple[Config, list[str], list[str]]:
    """The config, the faults and the notes."""
    faults = IssueCollector(20)
    config = parse_config(document, "config", faults)
    return config, list(map(str, faults.issues)), list(map(str, faults.notes))


def test_everything_is_read() -> None:
    document = {
        **LEAST,
        "variant": "v7",
        "created": "2024-05-06T07:08:09.123+01:00",
        "history": [
            {"created": "then", "created_by": "COPY", "comment": "a layer", "empty_layer": False},
            {"created_by": "ENV", "empty_layer": True},
            {},
        ],
        "config": {
            "Env": ["A=b", "PATH=/bin"],
            "Entrypoint": ["/init"],
            "Cmd": ["run", "all"],
            "WorkingDir": "/srv",
            "User": "www:www",
            "ExposedPorts": {"80/tcp": {}, "53/udp": None, "443": {}},
            "Volumes": {"/b": {}, "/a": {}},
            "StopSignal": "SIGINT",
            "Healthcheck": {"Test": ["CMD", "true"], "Retries": 3},
            "Shell": ["/bin/bash", "-c"],
            "Labels": {"z": "1", "a": "2"},
        },
    }
    history = (
        HistoryEntry("then", "COPY", "a layer", empty=False),
        HistoryEntry("", "ENV", "", empty=True),
        HistoryEntry("", "", "", empty=False),
    )
    config, faults, notes = parsed(document)
    assert config == Config(
        os="linux",
        architecture="arm",
        variant="v7",
        created="2024-05-06T07:08:09.123+01:00",
        diff_ids=tuple(map(Digest.parse, DIFF_IDS)),
        history=history,
        runtime=Runtime(
            architecture="arm",
            entry_point=("/init",),
            command=("run", "all"),
            environment=("A=b", "PATH=/bin"),
            working_directory="/srv",
            user="www:www",
            exposed_ports=("443", "53/udp", "80/tcp"),
            volumes=("/a", "/b"),
            stop_signal="SIGINT",
            health_check=("CMD", "true"),
            shell=("/bin/bash", "-c"),
        ),
        labels={"z": "1", "a": "2"},
    )
    assert (faults, notes) == ([], [])
    assert config.layer_history() == (history[0], history[2])
    assert config.platform == "linux/arm/v7"


def test_what_is_not_stated_is_empty() -> None:
    config, faults, notes = parsed(LEAST)
    digests = tuple(map(Digest.parse, DIFF_IDS))
    assert config == Config("linux", "arm", "", None, digests, (), Runtime("arm"), {})
    assert (faults, notes) == ([], [])
    assert config.platform == "linux/arm"


@pytest.mark.parametrize(
    ("system", "architecture", "platforms"),
    [
        ("linux", "arm", ("linux/arm", "linux/arm/v7")),
        ("", "arm", ("linux/arm", "linux/arm/v7", "windows/arm")),
        ("linux", "", ("linux/arm", "linux/amd64", "linux/arm/v7")),
    ],
)
def test_a_config_is_for_every_platform_that_it_does_not_contradict(
    system: str, architecture: str, platforms: tuple[str, ...]
) -> None:
    config, _, _ = parsed({**LEAST, "os": system, "architecture": architecture})
    every = ("linux/arm", "linux/amd64", "linux/arm/v7", "windows/arm", "windows/amd64")
    assert tuple(one for one in every if config.is_for(one)) == platforms


SILENT = "config: does not say for which system and architecture the image is"


@pytest.mark.parametrize("says", [{"os": ""}, {"architecture": ""}, {"os": "", "architecture": ""}])
@pytest.mark.parametrize(
    ("creators", "ours"),
    [
        ([], False),
        (["sysimage"], True),
        (["COPY", "sysimage, on 1 layers"], True),
        (["sysimage", "COPY"], False),
        (["sysimage", "sysimage", "COPY"], False),
        (["COPY", "COPY", "sysimage"], True),
    ],
)
def test_an_image_for_no_platform_is_a_fault_only_where_its_last_layer_is_of_sysimage(
    says: dict[str, str], creators: list[str], ours: bool
) -> None:
    """As of images that crane makes of layers alone: Docker and Podman take them for this machine's."""
    config, faults, notes = parsed({**LEAST, **says, "history": [{"created_by": one} for one in creators]})
    assert (faults, notes) == (([SILENT], []) if ours else ([], [SILENT]))
    assert config.platform == {"os": "arm", "architecture": "linux"}.get("/".join(says), "unknown")


@pytest.mark.parametrize(
    ("created", "is_time"),
    [
        ("1970-01-01T00:00:01Z", True),
        ("2024-05-06T07:08:09.1234567-11:30", True),
        ("2024-05-06 07:08:09Z", False),
        ("2024-05-06T07:08:09", False),
        ("2024-05-06T07:08:09Z ", False),
        ("", False),
    ],
)
def test_a_time_is_one_of_rfc_3339(created: str, *, is_time: bool) -> None:
    _, faults, notes = parsed({**LEAST, "created": created})
    assert faults == ([] if is_time else [f"config: created is {created!r}, not an RFC 3339 time"])
    assert notes == []


@pytest.mark.parametrize(
    "check", [None, [], "CMD", {}, {"Test": None}, {"Test": "CMD true"}, {"Test": ["CMD", 1]}, {"Test": {"a": "b"}}]
)
def test_a_malformed_health_check_is_ignored(check: object) -> None:
    config, faults, notes = parsed({**LEAST, "config": {"Healthcheck": check}})
    assert (config.runtime.health_check, faults, notes) == ((), [], [])


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "no system": ({"os": None}, "has no 'os'"),
    "no architecture": ({"architecture": None}, "has no 'architecture'"),
    "no layers": ({"rootfs": None}, "has no 'rootfs'"),
    "layers of no type": ({"rootfs": {"diff_ids": DIFF_IDS}}, "has no 'type'"),
    "a diff ID of another hash": (
        {"rootfs": {"type": "layers", "diff_ids": [DIFF_IDS[0], "sha512:00"]}},
        "names a layer 'sha512:00', which is not a sha256 digest",
    ),
    "a line of history that is a list": ({"history": [{}, []]}, "has a history entry that is not an object"),
    "ports of which one has content": (
        {"config": {"ExposedPorts": {"80": {}, "81": {"a": 1}}}},
        "has 'ExposedPorts' that is not an object of empty objects",
    ),
    "volumes that are numbers": (
        {"config": {"Volumes": {"/a": 0}}},
        "has 'Volumes' that is not an object of empty objects",
    ),
    "a variant that is a number": ({"variant": 7}, "'variant' is of the wrong type"),
}


@pytest.mark.parametrize(("changes", "message"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_config_that_cannot_be_read_is_given_up(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedError) as caught:
        parsed({**LEAST, **changes})
    assert str(caught.value) == message


def test_layers_of_another_kind_are_a_fault() -> None:
    _, faults, _ = parsed({**LEAST, "rootfs": {"type": "squashfs", "diff_ids": []}})
    assert faults == ["config: rootfs.type is 'squashfs', not 'layers'"]

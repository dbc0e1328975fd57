"""The flags that say where an image goes and what earlier builds have taught."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.destinations.registry_server import running


def test_going_on_from_nothing_begins_and_from_ones_own_output_changes_nothing(workspace: Path, say: Any) -> None:
    first = say("build", "--continue", "--record", "-o", "small.tar")
    assert Path(first["record_file"]) == workspace / "small.plan.json"
    kept = (workspace / "small.tar").read_bytes(), (workspace / "small.plan.json").read_bytes()
    for flags in (["--continue"], ["--previous", "small.plan.json"], []):
        assert say("build", *flags, "-o", "small.tar")["digest"] == first["digest"], flags
        assert ((workspace / "small.tar").read_bytes(), (workspace / "small.plan.json").read_bytes()) == kept


def test_an_image_is_pushed_and_gone_on_from_where_it_was_pushed(workspace: Path, say: Any) -> None:
    with running() as registry:
        name = f"{registry.address}/team/small:1"
        first = say("build", "--continue", "--push", name)
        assert [one["names"] for one in first["pushed"]] == [[name]]
        assert (first["output"], first["record_file"]) == (None, None)
        registry.requests.clear()
        again = say("build", "--continue", "--push", name)
        assert again["digest"] == first["digest"]
        tag = "/v2/team/small/manifests/1"
        for_history, *for_trial, for_push = registry.requests
        assert for_history == for_push == f"GET {tag}"
        assert [line.split()[0] for line in for_trial] == ["POST", "DELETE"], "an upload is begun and given up"
        (moved,) = again["pushed"]
        assert (moved["names"], moved["sent_size"]) == ([name], 0)
        assert moved["present_layer_count"] == moved["layer_count"]


def test_a_registry_that_would_refuse_the_image_says_so_before_anything_is_built(workspace: Path, say: Any) -> None:
    with running() as registry:
        registry.password = "s3cret"
        said = say("build", "--push", f"{registry.address}/team/small:1", status=6)
        assert "cannot log in" in said["error"]["message"]
        assert "manifests" not in "".join(registry.requests)
    assert not (workspace / "cache").exists()
    assert not list(workspace.glob("small*.tar"))


def test_rules_of_thumb_are_there_for_comparison(say: Any) -> None:
    layers = {rule: len(say("plan", "--strategy", rule)["layers"]) for rule in ("single", "popularity", "guix-size")}
    assert layers == {"single": 1, "popularity": 6, "guix-size": 6}


@pytest.mark.parametrize(("flags", "cause"), [
    (["--push", "small:1"], "it names no registry"),
    (["--push", "localhost:5000/UPPER"], "it has capital letters; say upper"),
    (["--push", "localhost:5000/small", "--format", "oci-dir"], "no --output says where"),
    (["--strategy", "single", "--previous", "small.tar"], "it draws layer boundaries without one"),
    (["--strategy", "single", "--continue"], "--strategy says otherwise"),
    (["--previous", "small.json", "--continue"], "cannot read a layer plan"),
    (["--load", "docker", "--continue"], "no image is replaced"),
    (["--together-with", "small.json", "--history", "small.tar"], "it draws layer boundaries without one"),
    (["--together-with", "small.json", "--strategy", "single"], "the rule knows one system"),
    (["--offline", "--previous", "registry.example/small:1"], "the network is off"),
    (["--previous", "nowhere"], "there is no such file"),
])  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_is_made(
    flags: list[str], cause: str, workspace: Path, say: Any
) -> None:
    status = {"cannot read a layer plan": 4, "the network is off": 6}.get(cause, 2)
    assert cause in say("build", *flags, status=status)["error"]["message"]
    assert not (workspace / "cache").exists()


@pytest.mark.parametrize(("text", "count"), [("0", 0), ("17", 17), ("3k", 3000), ("5G", 5 * 10**9), ("1T", 10**12)])
def test_bytes_may_be_counted_in_powers_of_a_thousand(text: str, count: int) -> None:
    from sysimage.cli.flag_values import byte_count

    assert byte_count(text) == count


@pytest.mark.parametrize("text", ["", "G", "-1", "1.5G", "5 G", "5GB", "²"])
def test_what_is_not_a_number_of_bytes_is_refused(text: str) -> None:
    from argparse import ArgumentTypeError

    from sysimage.cli.flag_values import byte_count

    with pytest.raises(ArgumentTypeError, match="must be a number of bytes"):
        byte_count(text)


def test_systems_that_are_planned_together_have_names_of_their_own(workspace: Path, say: Any) -> None:
    other = json.loads((workspace / "small.json").read_text()) | {"name": "other"}
    (workspace / "other.json").write_text(json.dumps(other))
    together = say("plan", "--together-with", "other.json")
    assert all("shared by 2 systems" in layer["reason"] for layer in together["layers"])
    assert "two are called the same" in say("plan", "--together-with", "small.json", status=2)["error"]["message"]

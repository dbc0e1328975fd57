"""What the engine says about the image it loaded."""

from __future__ import annotations

from typing import Any

import pytest

from sysimage_vm.trial import Trial


@pytest.fixture(scope="module")
def inspected(trial: Trial) -> Any:
    return trial.engine.inspect_image(trial.reference)


def test_the_engine_loads_the_image(trial: Trial) -> None:
    assert trial.reference
    if trial.image.names:
        assert trial.reference.removeprefix("localhost/").removeprefix("docker.io/").removeprefix("library/") in {
            name.removeprefix("docker.io/").removeprefix("library/") for name in trial.image.names
        }


def test_the_engine_reads_the_configuration_that_was_written(trial: Trial, inspected: Any) -> None:
    written, read = trial.image.declared, inspected["Config"]
    for key in ("Entrypoint", "Cmd", "Env", "Labels", "ExposedPorts", "Volumes", "StopSignal", "User"):
        assert (read.get(key) or None) == (written.get(key) or None), key
    assert (read.get("WorkingDir") or "/") == (written.get("WorkingDir") or "/")


def test_the_engine_sees_the_architecture(trial: Trial, inspected: Any) -> None:
    assert (inspected["Os"], inspected["Architecture"]) == (
        trial.image.config["os"],
        trial.image.config["architecture"],
    )


def test_layers_are_all_there_and_not_too_many(trial: Trial, inspected: Any) -> None:
    layers = inspected["RootFS"]["Layers"]
    assert layers == trial.image.config["rootfs"]["diff_ids"]
    assert len(layers) == trial.image.layers <= 125
    if declared := trial.declared:
        assert len(layers) <= int(declared["max-layers"])


def test_the_history_names_every_layer(trial: Trial) -> None:
    output = trial.engine.run("history", "--no-trunc", "--format", "{{.CreatedBy}}", trial.reference).text
    assert len(output.splitlines()) == len(trial.image.config.get("history") or [])

"""What the engine says about the image it loaded."""

from __future__ import annotations

from sysimage_vm.trial import Trial


def test_the_engine_loads_the_image(trial: Trial) -> None:
    assert trial.reference()
    if trial.image.names:
        assert _familiar(trial.reference()) in {_familiar(name) for name in trial.image.names}


def _familiar(name: str) -> str:
    return name.removeprefix("localhost/").removeprefix("docker.io/").removeprefix("library/")


def test_the_engine_reads_the_configuration_that_was_written(trial: Trial) -> None:
    written, read = trial.image.declared, trial.loaded().config
    for key in ("Entrypoint", "Cmd", "Env", "Labels", "ExposedPorts", "Volumes", "StopSignal", "User"):
        assert (read.get(key) or None) == (written.get(key) or None), key
    assert (read.get("WorkingDir") or "/") == (written.get("WorkingDir") or "/")


def test_the_engine_sees_the_architecture(trial: Trial) -> None:
    assert (trial.loaded().os, trial.loaded().architecture) == (
        trial.image.config["os"],
        trial.image.config["architecture"],
    )


def test_layers_are_all_there_and_not_too_many(trial: Trial) -> None:
    layers = list(trial.loaded().diff_ids)
    assert layers == trial.image.config["rootfs"]["diff_ids"]
    assert len(layers) == trial.image.layers <= 125
    if declared := trial.declared():
        assert len(layers) <= int(declared["max-layers"])


def test_the_history_names_every_layer(trial: Trial) -> None:
    assert trial.loaded().history == len(trial.image.config.get("history") or [])

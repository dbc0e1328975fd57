"""What an image runs, by its own words and by those of a command line, and which images are not run."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from sysimage.containers.image import RunnableImage, is_systemd, open_image, signal_number
from sysimage.errors import IntegrityError, MachineError
from sysimage.host_platform import host_platform
from tests.support import raw_tar
from tests.support.raw_image import RawImage, write_archive

HERE = host_platform().partition("/")[2]
LAYER = raw_tar.archive(raw_tar.file(b"file", b"x"))


def raw(**config: Any) -> RawImage:
    return RawImage(LAYER, config={"architecture": HERE, "config": config})


def opened(top: Path, **config: Any) -> RunnableImage:
    """What is known of an image without its layers."""
    with open_image(write_archive(raw(**config).layout(), top / "x.tar")) as image:
        return image


@pytest.mark.parametrize(
    ("command", "entry_point", "argv"),
    [
        ((), None, ["/run", "-a", "b", "c"]),
        (("d",), None, ["/run", "-a", "d"]),
        (("d",), "/other", ["/other", "d"]),
        ((), "/other", ["/other"]),
        (("d", "e"), "", ["d", "e"]),
        ((), "", []),
    ],
)
def test_a_command_is_in_the_place_of_the_images_and_an_entry_point_of_both(
    tmp_path: Path, command: tuple[str, ...], entry_point: str | None, argv: list[str]
) -> None:
    assert opened(tmp_path, Entrypoint=["/run", "-a"], Cmd=["b", "c"]).argv(command, entry_point) == argv


def test_an_image_says_its_variables_and_how_it_is_stopped(tmp_path: Path) -> None:
    image = opened(tmp_path, Env=["A=1=2", "B="], Entrypoint=["/run"], StopSignal="SIGINT")
    assert image.environment == {"A": "1=2", "B": ""}
    assert image.stop_signal == signal.SIGINT
    assert image.section["Entrypoint"] == ["/run"]
    assert (image.name, image.tag) == (str(tmp_path / "x.tar"), None)
    assert opened(tmp_path, Entrypoint=["/run"]).stop_signal == signal.SIGTERM


@pytest.mark.parametrize(
    ("config", "boots"),
    [
        ({"Entrypoint": ["/boot", "/gnu/store/x-system"]}, True),
        ({"Entrypoint": ["/boot", "/gnu/store/x-system"], "Cmd": ["x"]}, False),
        ({"Entrypoint": ["/boot", "/gnu/store/x-system", "y"]}, False),
        ({"Entrypoint": ["/boot", "x"]}, False),
        ({"Entrypoint": ["/lib/systemd/systemd"]}, True),
        ({"Entrypoint": ["/lib/systemd/systemd"], "Cmd": ["x"]}, False),
        ({}, False),
    ],
)
def test_a_system_is_what_starts_a_store_system_or_systemd(tmp_path: Path, config: dict[str, Any], boots: bool) -> None:
    assert opened(tmp_path, **config).boots_a_system is boots


@pytest.mark.parametrize(
    ("entry_point", "stop_signal", "is_one"),
    [
        (["/usr/lib/systemd/systemd", "--x"], None, True),
        (["systemd"], "SIGTERM", True),
        (["/x/init"], "SIGRTMIN+3", True),
        (["/x/init"], "RTMIN+3", True),
        (["/x/init"], "37", True),
        (["/x/init"], "SIGTERM", False),
        (["/x/init"], None, False),
        (["/x/run"], "SIGRTMIN+3", False),
        (["/systemd/run"], None, False),
        ([], "SIGRTMIN+3", False),
    ],
)
def test_systemd_is_known_by_its_name_or_by_the_signal_that_only_it_knows(
    tmp_path: Path, entry_point: list[str], stop_signal: str | None, is_one: bool
) -> None:
    assert is_systemd(entry_point, stop_signal) is is_one
    said = {} if stop_signal is None else {"StopSignal": stop_signal}
    image = opened(tmp_path, Entrypoint=entry_point, **said)
    assert image.starts_systemd(image.argv()) is is_one
    assert not image.starts_systemd(["/other"])


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("SIGTERM", 15), ("int", 2), ("9", 9), ("64", 64), ("1", 1), ("SIGRTMIN+3", 37), ("RTMIN", 34)),
        *(("0", None), ("65", None), ("SIGNONE", None), ("RTMIN+x", None), ("-1", None)),
    ],
)
def test_stop_signals_are_read_as_images_write_them(name: str, number: int | None) -> None:
    if number is not None:
        assert signal_number(name) == number
        return
    with pytest.raises(MachineError) as caught:
        signal_number(name)
    assert str(caught.value) == f"cannot stop the image: this machine has no signal {name}"


def test_an_image_for_another_machine_is_refused_by_its_name(tmp_path: Path) -> None:
    image = raw()
    image.config["architecture"] = "riscv64"
    path = write_archive(image.docker_archive(), tmp_path / "x.tar")
    for machine, which in ((None, f"this machine is {host_platform()}"), ("linux/arm", "the machine is linux/arm")):
        with pytest.raises(MachineError) as caught, open_image(path, name="web", machine=machine):
            pass
        assert str(caught.value) == f"cannot run web: it is for linux/riscv64, and {which}"
    with open_image(path, machine="linux/riscv64") as opened_image:
        assert opened_image.documents.config.architecture == "riscv64"


def test_an_image_with_fewer_diff_ids_than_layers_is_refused(tmp_path: Path) -> None:
    image = raw()
    image.config["rootfs"]["diff_ids"] = []
    with pytest.raises(IntegrityError) as caught, open_image(write_archive(image.layout(), tmp_path / "x.tar")):
        pass
    assert str(caught.value) == f"cannot run {tmp_path}/x.tar: has 1 layers, the config has 0 diff IDs"

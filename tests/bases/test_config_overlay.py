"""How a container runs that is made of a base and of what is added to it: what is declared counts, the rest adds up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.bases import NO_BASE, BaseImage, BaseImageError, base_history, check_room, overlaid, stacked
from sysimage.bases.base_image import BaseLayer
from sysimage.blobs import Descriptor
from sysimage.digest import Digest
from sysimage.image import ImageConfig
from sysimage.layers import LayerBlob
from sysimage.rules.runnable import SEARCH_PATH
from sysimage.rules.runtime import Runtime
from tests.bases.small_bases import spec_of

OURS = ImageConfig("amd64")
INIT = {"from-store": {"system": "x"}}


def blob(number: int) -> LayerBlob:
    digest = Digest.of(b"%d" % number)
    return LayerBlob(Descriptor("application/vnd.oci.image.layer.v1.tar", digest, 1), digest, 1, f"layer {number}")


def base(extensions: dict[str, Any] | None = None, labels: dict[str, str] | None = None, **runtime: Any) -> BaseImage:
    """A base with two layers that runs so."""
    config = replace(NO_BASE.config, runtime=Runtime("amd64", **runtime), labels=labels or {})
    layers = tuple(BaseLayer(blob(number), f"file{number}") for number in (1, 2))
    return replace(NO_BASE, path=Path("base.tar"), config=config, extensions=extensions or {}, layers=layers)


def env(ours: str, theirs: tuple[str, ...], *, under: BaseImage | None = None, **spec: Any) -> list[str]:
    """The variables of an image for which ``ours`` are derived, on a base with ``theirs``."""
    config = replace(OURS, env=tuple((name, value) for name, _, value in (one.partition("=") for one in ours.split())))
    below = replace(base(environment=theirs), layers=()) if under is NO_BASE else base(environment=theirs)
    return [f"{name}={value}" for name, value in overlaid(config, below, spec_of(**spec)).env]


@pytest.mark.parametrize(
    ("ours", "theirs", "spec", "expected"),
    [
        ("A=1", ("B=2",), {}, ["B=2", "A=1"]),
        ("A=1 B=3", ("B=2", "A=2"), {}, ["B=3", "A=1"]),
        ("LANG=C.UTF-8", ("LANG=C",), {}, ["LANG=C"]),
        ("LANG=C.UTF-8", (), {}, ["LANG=C.UTF-8"]),
        ("LANG=C.UTF-8", ("LANG=C",), {"locale": "C.UTF-8"}, ["LANG=C.UTF-8"]),
        ("LANG=C.UTF-8", ("LANG=C",), {"environment": {"LANG": "C.UTF-8"}}, ["LANG=C.UTF-8"]),
        ("PATH=/a:/b", ("PATH=/b:/c",), {}, ["PATH=/a:/b:/c"]),
        ("PATH=/a", ("PATH=/b",), {"environment": {"PATH": "/a"}}, ["PATH=/a"]),
        ("PATH=/a", (), {}, [f"PATH=/a:{SEARCH_PATH}"]),
        ("", ("PATH=/b", "X=y=z"), {}, ["PATH=/b", "X=y=z"]),
    ],
)
def test_variables_are_added_to_the_bases_unless_they_are_declared(
    ours: str, theirs: tuple[str, ...], spec: dict[str, Any], expected: list[str]
) -> None:
    assert env(ours, theirs, **spec) == expected


def test_without_a_base_no_path_of_an_engine_is_added() -> None:
    assert env("PATH=/a", (), under=NO_BASE) == ["PATH=/a"]


PROGRAM: dict[str, Any] = {"entry_point": ("/entry",), "command": ("one",)}


@pytest.mark.parametrize(
    ("ours", "spec", "entry_point", "command", "checked"),
    [
        ({}, {}, ("/entry",), ("one",), True),
        ({"cmd": ("two",)}, {"command": ["two"]}, ("/entry",), ("two",), True),
        ({}, {"command": []}, ("/entry",), (), True),
        ({"cmd": ("two",)}, {}, ("/entry",), ("two",), True),
        ({"entrypoint": ("/mine",)}, {"entry-point": ["/mine"]}, ("/mine",), (), False),
        ({"entrypoint": ("/mine",)}, {}, ("/mine",), (), False),
        ({}, {"entry-point": []}, (), (), False),
        ({"entrypoint": ("/boot",), "cmd": ("/system",)}, INIT, ("/boot",), ("/system",), False),
        ({}, INIT, (), (), False),
    ],
)
def test_another_program_than_the_bases_drops_its_command_and_its_health_check(
    ours: dict[str, Any],
    spec: dict[str, Any],
    entry_point: tuple[str, ...],
    command: tuple[str, ...],
    checked: bool,
) -> None:
    under = base({"Healthcheck": {"Test": ["NONE"]}, "Shell": ["/bin/sh"]}, user="mail", **PROGRAM)
    found = overlaid(replace(OURS, **ours), under, spec_of(**spec))
    assert (found.entrypoint, found.cmd) == (entry_point, command)
    assert dict(found.inherited) == {"Shell": ["/bin/sh"], **({"Healthcheck": {"Test": ["NONE"]}} if checked else {})}
    assert found.user == (None if spec is INIT else "mail")


def test_the_rest_stays_until_another_is_declared_or_adds_up() -> None:
    under = base(
        labels={"b": "base", "a": "base"},
        working_directory="/srv",
        user="mail",
        exposed_ports=("80", "53/udp", "9", "7", "8/sctp"),
        volumes=("/z", "/a", "/q", "/c", "/x"),
        stop_signal="SIGINT",
    )
    found = overlaid(OURS, under, spec_of())
    assert found == replace(
        OURS,
        env=(),
        working_dir="/srv",
        user="mail",
        exposed_ports=("53/udp", "7/tcp", "8/sctp", "80/tcp", "9/tcp"),
        volumes=("/a", "/c", "/q", "/x", "/z"),
        labels=(("a", "base"), ("b", "base")),
        stop_signal="SIGINT",
    )
    ours = replace(
        OURS,
        working_dir="/mine",
        user="root",
        exposed_ports=("443/tcp", "80/tcp"),
        volumes=("/m", "/a"),
        labels=(("c", "mine"), ("b", "mine")),
        stop_signal="SIGTERM",
    )
    assert overlaid(ours, under, spec_of()) == replace(
        ours,
        exposed_ports=("443/tcp", "53/udp", "7/tcp", "8/sctp", "80/tcp", "9/tcp"),
        volumes=("/a", "/c", "/m", "/q", "/x", "/z"),
        labels=(("a", "base"), ("b", "mine"), ("c", "mine")),
    )
    bare = overlaid(OURS, base(), spec_of())
    assert (bare.working_dir, bare.user, bare.stop_signal) == (None, None, None)


def test_what_no_image_can_say_is_refused_with_the_base_s_name() -> None:
    with pytest.raises(BaseImageError) as caught:
        overlaid(OURS, base(exposed_ports=("many",)), spec_of())
    assert str(caught.value) == "cannot use the configuration of the base image base.tar: not a port: 'many/tcp'"


def test_history_is_given_as_values_of_its_own() -> None:
    entry = {"created_by": "ADD x /"}
    (found,) = base_history(replace(base(), history=(entry,)))
    found["comment"] = "changed"
    assert entry == {"created_by": "ADD x /"}


def test_our_layers_come_after_the_bases_without_one_that_the_topmost_of_them_repeats() -> None:
    under = base()
    one, two, three = blob(1), blob(2), blob(3)
    assert stacked(under, [three]) == (one, two, three)
    assert stacked(under, [replace(two, label="again"), three]) == (one, two, three)
    assert stacked(under, [one, three]) == (one, two, one, three)
    assert stacked(NO_BASE, [one, three]) == (one, three)


@pytest.mark.parametrize("most", [1, 2])
def test_a_base_that_leaves_no_layer_is_refused(most: int) -> None:
    check_room(base(), 3)
    check_room(NO_BASE, 1)
    with pytest.raises(BaseImageError) as caught:
        check_room(base(), most)
    assert str(caught.value) == f"cannot build on base.tar: it has 2 layers, and the image may have {most}"
    assert caught.value.hint == "raise max-layers, or choose a base with fewer layers"

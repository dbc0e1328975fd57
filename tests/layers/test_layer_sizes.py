"""How long layers will be, found out by other processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from sysimage.errors import MachineError
from sysimage.layers import LayerSource, layer_sizes, tar_size
from sysimage.layers.layer_sizes import background_sizes, tar_sizes
from tests.support.stores import make_item


@pytest.fixture(params=["here", "elsewhere"])
def sources(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[LayerSource]:
    """Layers of few bytes, measured by another process all the same where that is asked for."""
    monkeypatch.setattr(layer_sizes, "worth_a_process", lambda size: request.param == "elsewhere")
    return [
        LayerSource(f"layer {number}", (make_item(tmp_path / "store", f"item-{number}", {"file": "x" * 700 * number}),))
        for number in range(1, 6)
    ]


@pytest.mark.parametrize("workers", [1, 2, 7])
def test_sizes_are_those_of_the_archives_in_order(sources: list[LayerSource], workers: int) -> None:
    expected = [tar_size(source) for source in sources]
    assert len(set(expected)) > 1
    assert tar_sizes(sources, workers) == expected
    with background_sizes(sources) as ahead:
        assert list(ahead) == expected
    with background_sizes([]) as ahead:
        assert list(ahead) == []
    assert tar_sizes([], workers) == []


def test_what_is_found_out_here_need_not_be_waited_for(tmp_path: Path) -> None:
    source = LayerSource("small", (make_item(tmp_path / "store", "item", {"file": "x"}),))
    with background_sizes([source]) as ahead:
        assert ahead.ready()


def test_few_bytes_are_worth_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise AssertionError("a process was started")

    small = [LayerSource(name, (make_item(tmp_path / "store", name, {"file": name}),)) for name in ("a", "bc", "d")]
    expected = [tar_size(source) for source in small]
    monkeypatch.setattr(os, "fork", refuse)
    assert tar_sizes(small, 3) == expected
    with background_sizes(small) as ahead:
        assert list(ahead) == expected


def test_what_cannot_be_read_is_reported_when_its_turn_comes(sources: list[LayerSource], tmp_path: Path) -> None:
    (location,) = (item.location for item in sources[2].items)
    assert location is not None
    location.rename(tmp_path / "away")
    with pytest.raises(MachineError, match="item-3: No such file"):
        tar_sizes(sources, 2)
    with background_sizes(sources) as ahead:
        assert [next(ahead), next(ahead)] == [tar_size(source) for source in sources[:2]]
        with pytest.raises(MachineError, match="item-3: No such file"):
            next(ahead)


def test_a_caller_that_leaves_early_leaves_no_process(sources: list[LayerSource]) -> None:
    with background_sizes(sources) as ahead:
        next(ahead)
    assert multiprocessing.active_children() == []


def test_a_helper_that_was_killed_is_reported(
    tmp_path: Path, sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_sizes, "worth_a_process", lambda size: True)
    monkeypatch.setattr(layer_sizes, "tar_size", lambda source: os.kill(os.getpid(), signal.SIGKILL))
    with background_sizes(sources) as ahead, pytest.raises(MachineError, match="was killed"):
        next(ahead)

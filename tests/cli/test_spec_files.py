"""Flags are applied to the spec once; later rooms see the spec alone."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

import pytest

from sysimage.cli.spec_files import neighbours, only_system
from sysimage.errors import SpecError
from sysimage.pipeline.overrides import overridden
from sysimage.spec import SystemSpec, parse_spec

FLAGS: dict[str, object] = {
    "max_layers": None,
    "compression": None,
    "from_image": None,
    "check_store": False,
    "lockfile": None,
    "platforms": None,
}
FLAGS |= {"variant": None, "assignments": None, "spec_arguments": None, "argument_environment": {}}


def pack() -> SystemSpec:
    source = {"paths": ["/gnu/store/" + "0" * 32 + "-x"], "source": "registration"}
    return parse_spec(json.dumps({"name": "pack", "from-store": source, "entry-point": ["/x"]}))


def test_without_flags_the_spec_stays_itself() -> None:
    spec = pack()
    assert overridden(spec) is spec


def test_flags_take_the_place_of_what_the_spec_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = pack()
    asked = overridden(spec, max_layers=7, compression="zstd:19", from_image="base.tar", check_store=True)
    assert (asked.max_layers, asked.compression) == (7, "zstd:19")
    assert asked.from_image == str(tmp_path / "base.tar"), "a flag is relative to the working directory"
    assert asked.from_store is not None
    assert asked.from_store.check
    left = {"max_layers", "compression", "from_image", "from_store"}
    assert asked.model_dump(exclude=left) == spec.model_dump(exclude=left)


@pytest.mark.parametrize("values", [{"max_layers": 126}, {"compression": "lzma"}, {"compression": "gzip:10"}])
def test_what_no_room_would_take_is_refused_at_once(values: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        overridden(pack(), **values)  # type: ignore[arg-type]


def test_a_system_keeps_what_its_file_says(tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    path.write_text('{"name": "web", "packages": [], "max-layers": 30}')
    system = only_system(Namespace(**FLAGS | {"spec": str(path), "max_layers": 5, "compression": "none"}))
    assert (system.spec.max_layers, system.written.max_layers) == (5, 30)
    assert (system.spec.compression, system.written.compression) == ("none", "gzip")
    assert (system.spec_dir, system.lock_file) == (tmp_path, tmp_path / "web.lock.json")


def test_a_budget_on_the_command_line_is_for_the_neighbours_too(tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"name": "other", "packages": [], "max-layers": 30}')
    (other,) = neighbours(Namespace(**FLAGS | {"beside": [], "together_with": [path], "max_layers": 40}))
    assert (other.spec.max_layers, other.written.max_layers) == (40, 30)

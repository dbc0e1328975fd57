"""Wheels come from a directory, or by pip from where it is configured to look; what is not locked is refused."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, RegistryError, SpecError
from sysimage.wheels.fetch import WheelSource, prune_wheels
from sysimage.wheels.lock_file import LockedWheel
from tests.support.wheels import make_wheel, sha256
from tests.wheels.conftest import TARGET

TAG = TARGET.python.replace(".", "")


def locked(name: str, version: str, *places: Path, file: str | None = None) -> LockedWheel:
    return LockedWheel(name, version, frozenset(map(sha256, places)), file, where="the lock")


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A directory as an index has it: several files of one version."""
    top = tmp_path / "wheels"
    make_wheel(top, "plain", "1.0", {"plain.py": ""})
    make_wheel(top, "native", "2.0", {"native.py": "any = 1"})
    make_wheel(top, "native", "2.0", {"native.py": "best = 1"}, tag=f"cp{TAG}-cp{TAG}-manylinux_2_28_x86_64")
    make_wheel(top, "native", "2.0", {"native.py": "arm = 1"}, tag=f"cp{TAG}-cp{TAG}-manylinux_2_28_aarch64")
    return top


def pip_that_looks_in(wheels: Path) -> dict[str, str]:
    """As a user would configure it, so that the test needs no network."""
    named = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    return {"PATH": os.environ["PATH"], "HOME": str(wheels.parent), **named}


def test_a_directory_gives_the_best_wheel(wheels: Path, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache", {}, wheels)
    files = source.choose([locked("native", "2.0", *wheels.glob("native*"))], TARGET)
    assert [file.file for file in files] == [f"native-2.0-cp{TAG}-cp{TAG}-manylinux_2_28_x86_64.whl"]
    assert source.fetch(files, TARGET) == {files[0].sha256: wheels / files[0].file}
    assert not (tmp_path / "cache").exists()


def test_pip_gives_the_same_and_is_asked_once(wheels: Path, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache", pip_that_looks_in(wheels))
    asked = [locked("native", "2.0", *wheels.glob("native*")), locked("plain", "1.0", *wheels.glob("plain*"))]
    files = source.choose(asked, TARGET)
    assert [file.file for file in files] == [
        f"native-2.0-cp{TAG}-cp{TAG}-manylinux_2_28_x86_64.whl",
        "plain-1.0-py3-none-any.whl",
    ]
    for place in wheels.iterdir():
        place.unlink()
    again = WheelSource(tmp_path / "cache", {}, offline=True)
    assert again.choose(asked, TARGET) == files
    assert {sha256(place) for place in again.fetch(files, TARGET).values()} == {file.sha256 for file in files}


def test_a_wheel_with_another_hash_is_refused(wheels: Path, tmp_path: Path) -> None:
    wheel = locked("plain", "1.0", *wheels.glob("native*"))
    with pytest.raises(SpecError, match="has another SHA-256 than the lock"):
        WheelSource(tmp_path / "cache", {}, wheels).choose([wheel], TARGET)
    with pytest.raises(RegistryError, match="THESE PACKAGES DO NOT MATCH THE HASHES"):
        WheelSource(tmp_path / "cache", pip_that_looks_in(wheels)).choose([wheel], TARGET)


def test_a_damaged_wheel_in_the_cache_is_refused(wheels: Path, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache", pip_that_looks_in(wheels))
    files = source.choose([locked("plain", "1.0", *wheels.glob("plain*"))], TARGET)
    (place,) = source.fetch(files, TARGET).values()
    place.write_bytes(b"other")
    with pytest.raises(IntegrityError, match="it is not what the lock locks"):
        source.fetch(files, TARGET)


def test_wheels_that_were_fetched_long_ago_are_forgotten(wheels: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    source = WheelSource(cache, pip_that_looks_in(wheels))
    files = source.choose([locked("plain", "1.0", *wheels.glob("plain*"))], TARGET)
    assert prune_wheels(cache, time.time_ns() - 10**12) == 0
    assert source.fetch(files, TARGET)
    assert prune_wheels(cache, time.time_ns() + 10**12) > 0
    assert not list((cache / "files").iterdir())
    assert not list((cache / "choices").glob("*.memo"))


def test_what_is_nowhere_says_how_to_come_by_it(wheels: Path, tmp_path: Path) -> None:
    absent = LockedWheel("absent", "1", frozenset({"0" * 64}), where="the lock")
    with pytest.raises(SpecError, match="no wheel of absent 1 for CPython"):
        WheelSource(tmp_path / "cache", {}, wheels).choose([absent], TARGET)
    with pytest.raises(SpecError, match="cannot fetch absent==1: pip's index has no wheel of it") as caught:
        WheelSource(tmp_path / "cache", pip_that_looks_in(wheels)).choose([absent], TARGET)
    assert "pip wheel --no-deps -w wheels absent==1" in (caught.value.hint or "")
    with pytest.raises(RegistryError, match="cannot fetch wheels: the network is off"):
        WheelSource(tmp_path / "cache", {}, offline=True).choose([absent], TARGET)

"""Wheels come from a directory, or by pip from where it is configured to look; what is not locked is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, RegistryError, SpecError
from sysimage.wheels.fetch import WheelSource
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
    named = {
        "PYTHONHOME": "/nowhere",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "PIP_CONFIG_FILE": os.devnull,
    }
    return {"PATH": os.environ["PATH"], "HOME": str(wheels.parent), **named}


def test_a_directory_gives_the_best_wheel(wheels: Path, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache", {}, wheels)
    files = source.choose([locked("native", "2.0", *wheels.glob("native*"))], TARGET)
    assert [file.file for file in files] == [f"native-2.0-cp{TAG}-cp{TAG}-manylinux_2_28_x86_64.whl"]
    assert source.fetch(files, TARGET) == {files[0].sha256: wheels / files[0].file}
    assert not (tmp_path / "cache").exists()


def test_a_file_of_a_directory_is_that_of_the_lock_file_or_of_the_version(wheels: Path, tmp_path: Path) -> None:
    (wheels / "native-2.0.whl").touch()
    (wheels / "plain-1.0-py3-none-any.whl.part").touch()
    native = f"native-2.0-cp{TAG}-cp{TAG}-manylinux_2_28_x86_64.whl"
    make_wheel(wheels, "native", "3.0", {"native.py": "other = 1"}, tag=f"cp{TAG}-cp{TAG}-manylinux_2_29_x86_64")
    beside = make_wheel(tmp_path / "beside", "plain", "1.0", {"plain.py": "other"})
    digests = frozenset(map(sha256, wheels.glob("*.whl")))
    plain = LockedWheel("plain", "1.0", frozenset({sha256(beside)}), beside.name, beside, "the lock")
    wanted = [
        plain,
        LockedWheel("native", "2.0", digests, None, where="the lock"),
        LockedWheel("native", "2.0", digests, "native-2.0-py3-none-any.whl", where="the lock"),
    ]
    source = WheelSource(tmp_path / "cache", {}, wheels)
    files = source.choose(wanted, TARGET)
    assert [(file.wheel, file.file) for file in files] == list(
        zip(wanted, [beside.name, native, "native-2.0-py3-none-any.whl"], strict=True)
    )
    assert source.fetch(files, TARGET) == {
        sha256(place): place for place in (beside, wheels / native, wheels / "native-2.0-py3-none-any.whl")
    }
    beside.unlink()
    with pytest.raises(SpecError) as caught:
        source.fetch(files, TARGET)
    assert (str(caught.value), caught.value.hint) == (f"cannot find the wheel {beside}", "the lock names it")
    with pytest.raises(SpecError) as caught:
        source.choose([plain], TARGET)
    assert [issue.message for issue in caught.value.issues] == [f"no wheel of plain 1.0 for {TARGET} is in {wheels}"]


def test_a_wheel_that_the_lock_file_chooses_is_not_asked_about(wheels: Path, tmp_path: Path) -> None:
    place = wheels / "plain-1.0-py3-none-any.whl"
    source = WheelSource(tmp_path / "cache", {}, offline=True)
    beside = LockedWheel("plain", "1.0", frozenset({sha256(place)}), place.name, place, "the lock")
    (file,) = source.choose([beside], TARGET)
    assert (file.file, file.sha256) == (place.name, sha256(place))
    assert source.fetch([file], TARGET) == {file.sha256: place}
    place.write_bytes(b"other")
    with pytest.raises(IntegrityError) as caught:
        source.fetch([file], TARGET)
    assert str(caught.value) == (
        f"cannot use {place}: it is not what the lock locks\n  {place}: its SHA-256 is {sha256(place)}"
    )


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_wheel_with_another_hash_is_refused(wheels: Path, tmp_path: Path) -> None:
    wheel = locked("plain", "1.0", *wheels.glob("native*"))
    with pytest.raises(SpecError, match="cannot find the wheels of the lock file") as refused:
        WheelSource(tmp_path / "cache", {}, wheels).choose([wheel], TARGET)
    place = wheels / "plain-1.0-py3-none-any.whl"
    assert [(issue.where, issue.message) for issue in refused.value.issues] == [
        (str(place), f"has another SHA-256 than the lock: {sha256(place)}"),
        ("the lock", f"no wheel of plain 1.0 for {TARGET} is in {wheels}"),
    ]
    with pytest.raises(RegistryError, match="THESE PACKAGES DO NOT MATCH THE HASHES") as caught:
        WheelSource(tmp_path / "cache", pip_that_looks_in(wheels)).choose([wheel], TARGET)
    assert caught.value.message == "cannot fetch wheels: pip failed"
    assert caught.value.hint == 'say "wheels": "DIRECTORY" for wheels in a directory'
    assert {issue.where for issue in caught.value.issues} == {"pip"}
    assert 1 < len(caught.value.issues) <= 6
    assert all(issue.message.strip() and not issue.message.startswith("ERROR: ") for issue in caught.value.issues)


def test_a_wheel_at_a_place_of_its_own_is_not_looked_for_elsewhere(wheels: Path, tmp_path: Path) -> None:
    place = make_wheel(tmp_path / "own", "plain", "1.0", {"plain.py": "own"})
    own = LockedWheel("plain", "1.0", frozenset({sha256(place)}), place.name, place, "the lock")
    native = locked("native", "2.0", *wheels.glob("native*"))
    alone, of_directory = WheelSource(tmp_path / "cache", {}), WheelSource(tmp_path / "cache", {}, wheels)
    for source, wheel in ((alone, own), (of_directory, native)):
        files = source.choose([wheel], TARGET)
        ((_, found),) = source.fetch(files, TARGET).items()
        found.unlink()
        with pytest.raises(SpecError) as caught:
            source.fetch(files, TARGET)
        assert (caught.value.message, caught.value.hint) == (f"cannot find the wheel {found}", "the lock names it")


@pytest.mark.slow
def test_what_is_nowhere_says_how_to_come_by_it(wheels: Path, tmp_path: Path) -> None:
    absent = LockedWheel("absent", "1", frozenset({"0" * 64}), where="the lock")
    with pytest.raises(SpecError, match="no wheel of absent 1 for CPython"):
        WheelSource(tmp_path / "cache", {}, wheels).choose([absent], TARGET)
    with pytest.raises(SpecError, match="cannot fetch absent==1: pip's index has no wheel of it") as caught:
        WheelSource(tmp_path / "cache", pip_that_looks_in(wheels)).choose([absent], TARGET)
    assert "pip wheel --no-deps -w wheels absent==1" in (caught.value.hint or "")
    assert f"for {TARGET}" in str(caught.value)
    assert str(caught.value.hint).endswith('lock the hash of that file, and say "wheels": "wheels"')

"""What pip is asked for, what is kept of what it brings, and what is reported where it brings something else.

The pip here is a script that brings every wheel of a directory and writes down what it was asked; test_fetch.py has the
real one.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, MachineError, RegistryError, SpecError, SysimageError
from sysimage.wheels.fetch import WheelSource, prune_wheels
from sysimage.wheels.lock_file import LockedWheel
from tests.support.wheels import make_wheel, sha256
from tests.wheels.conftest import TARGET

HINT = 'say "wheels": "DIRECTORY" for wheels in a directory'


@dataclass
class Pip:
    """Beside the ``script``: the wheels of its ``index``, its ``environment``, ``words`` and ``requirements``."""

    script: Path

    @property
    def index(self) -> Path:
        return self.script.with_name("index")

    def said(self, name: str) -> list[str]:
        return self.script.with_name(name).read_text().splitlines()

    def fails(self, text: str) -> None:
        self.script.with_name("failure").write_text(text)


@pytest.fixture
def pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pip:
    made = Pip(tmp_path / "program/python")
    make_wheel(made.index, "plain", "1.0", {"plain.py": ""})
    make_wheel(made.index, "plain", "2.0", {"plain.py": ""})
    make_wheel(made.index, "native_code", "1.0", {"native.py": ""})
    top = made.script.parent
    made.script.write_text(
        f"""#!/bin/sh
printf '%s\\n' "$@" > {top}/words
printf '%s\\n' "$A|$PYTHONPATH" > {top}/environment
while [ "$1" != --dest ]; do shift; done
cp "$4" {top}/requirements
cp {top}/index/*.whl "$2"
if [ -e {top}/failure ]; then cat {top}/failure >&2; exit 1; fi
"""
    )
    made.script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(made.script))
    return made


def locked(name: str, version: str, *places: Path, file: str | None = None) -> LockedWheel:
    return LockedWheel(name, version, frozenset(map(sha256, places)), file, where="the lock")


def plain_of(pip: Pip) -> LockedWheel:
    return locked("plain", "1.0", *pip.index.glob("plain*"))


def with_others(wheel: LockedWheel) -> LockedWheel:
    """The same with hashes of so many other files that no set has them in order by chance."""
    return replace(wheel, hashes=wheel.hashes.union(f"{number:064x}" for number in range(200)))


def test_pip_is_asked_for_wheels_of_the_target_with_their_hashes_and_runs_nothing(pip: Pip, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache/wheels", {"A": "1", "PYTHONPATH": "/nowhere"})
    several = with_others(plain_of(pip))
    wheels = [several, locked("native-code", "1.0", *pip.index.glob("native*"))]
    plain, native = source.choose(wheels, replace(TARGET, python="3.9", glibc=(2, 17), architecture="arm64"))
    assert (plain.file, native.file) == ("plain-1.0-py3-none-any.whl", "native_code-1.0-py3-none-any.whl")
    assert (plain.wheel, plain.sha256) == (wheels[0], sha256(pip.index / plain.file))
    assert pip.said("requirements") == [
        " ".join(["plain==1.0", *(f"--hash=sha256:{digest}" for digest in sorted(several.hashes))]),
        f"native-code==1.0 --hash=sha256:{native.sha256}",
    ]
    *words, dest, r, requirements = pip.said("words")
    assert words == [
        *("-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:", "--no-input"),
        *("--disable-pip-version-check", "-q", "--implementation=cp", "--python-version=3.9"),
        *("--abi=cp39", "--abi=abi3", "--abi=none"),
        *("--platform=manylinux_2_17_aarch64", "--platform=manylinux2014_aarch64", "--platform=linux_aarch64"),
        "--dest",
    ]
    assert (r, requirements) == ("-r", f"{dest}/requirements")
    assert Path(dest).is_relative_to(tmp_path / "cache/wheels")
    assert pip.said("environment") == ["1|"]
    assert sorted(path.name for path in (tmp_path / "cache/wheels").iterdir()) == ["choices", "files"]


def test_a_choice_is_for_one_target_and_these_hashes(pip: Pip, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache", {})
    asked = with_others(plain_of(pip))
    (file,) = source.choose([asked], TARGET)
    offline = replace(source, offline=True)
    again = replace(asked, where="another", hashes=frozenset(reversed([*asked.hashes])))
    assert offline.choose([again], TARGET)[0].file == file.file
    assert offline.fetch([file], TARGET) == {file.sha256: source.files.place(file.sha256, file.file)}
    for wheel, target in (
        (asked, replace(TARGET, architecture="arm64")),
        (asked, replace(TARGET, glibc=(2, 40))),
        (asked, replace(TARGET, python="3.9")),
        (replace(asked, hashes=frozenset({file.sha256})), TARGET),
        (replace(asked, version="2.1"), TARGET),
        (replace(asked, name="other"), TARGET),
    ):
        with pytest.raises(RegistryError) as caught:
            offline.choose([asked, wheel], target)
        assert str(caught.value).splitlines()[-1] == f"  the lock: {wheel} is not in the cache"
        assert caught.value.message == "cannot fetch wheels: the network is off"
        assert caught.value.hint == HINT


def test_a_file_is_fetched_where_it_is_not_kept_and_a_damaged_one_is_refused(pip: Pip, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache", {})
    place = pip.index / "plain-1.0-py3-none-any.whl"
    files = source.choose([locked("plain", "1.0", place, file=place.name)], TARGET)
    kept = source.files.place(sha256(place), place.name)
    assert source.fetch(files, TARGET) == {sha256(place): kept}
    assert kept.read_bytes() == place.read_bytes()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["files"]
    kept.write_bytes(b"other")
    with pytest.raises(IntegrityError) as caught:
        source.fetch(files, TARGET)
    assert str(caught.value) == (
        f"cannot use {kept}: it is not what the lock locks\n  {kept}: its SHA-256 is {sha256(kept)}"
    )


def test_wheels_that_were_fetched_long_ago_are_forgotten(pip: Pip, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    source = WheelSource(cache, {})
    files = source.choose([plain_of(pip)], TARGET)
    assert prune_wheels(cache, time.time_ns() - 10**12) == 0
    assert source.fetch(files, TARGET)
    assert prune_wheels(cache, time.time_ns() + 10**12) > 0
    assert not list((cache / "files").iterdir())
    assert not list((cache / "choices").glob("*.memo"))


def test_what_pip_brings_must_be_what_is_locked(pip: Pip, tmp_path: Path) -> None:
    source = WheelSource(tmp_path / "cache", {})
    place = pip.index / "plain-1.0-py3-none-any.whl"
    with pytest.raises(IntegrityError) as caught:
        source.choose([locked("plain", "1.0", pip.index / "plain-2.0-py3-none-any.whl")], TARGET)
    assert str(caught.value) == (
        f"cannot use {place.name}: it is not what the lock locks\n  {place.name}: its SHA-256 is {sha256(place)}"
    )
    for absent in (locked("plain", "3.0", place), locked("plai", "1.0", place)):
        with pytest.raises(RegistryError) as refused:
            source.choose([absent], TARGET)
        assert (str(refused.value), refused.value.hint) == (f"cannot fetch {absent}: pip did not download it", HINT)
    assert not (tmp_path / "cache/files").exists()


@pytest.mark.parametrize(
    ("output", "error", "message", "said"),
    [
        (
            "one\ntwo\n\n  \nERROR: three\nfour\nfive\nx ERROR: six\nseven\neight\n",
            RegistryError,
            "cannot fetch wheels: pip failed",
            ["three", "four", "five", "x ERROR: six", "seven", "eight"],
        ),
        (
            "ERROR: Could not find a version\nERROR: No matching distribution found for plain==1.0 (x)\n",
            SpecError,
            f"cannot fetch plain==1.0: pip's index has no wheel of it for {TARGET}",
            [],
        ),
    ],
)
def test_a_failure_of_pip_is_reported(
    pip: Pip, tmp_path: Path, output: str, error: type[SysimageError], message: str, said: list[str]
) -> None:
    pip.fails(output)
    with pytest.raises(error) as caught:
        WheelSource(tmp_path / "cache", {}).choose([plain_of(pip)], TARGET)
    assert caught.value.message == message
    assert [(issue.where, issue.message) for issue in caught.value.issues] == [("pip", line) for line in said]
    build = (
        "build it once, `pip wheel --no-deps -w wheels plain==1.0`, lock the hash of that file, and say "
        '"wheels": "wheels"'
    )
    assert caught.value.hint == (HINT if said else build)


def test_any_pip_of_this_machine_is_taken(pip: Pip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    source = WheelSource(tmp_path / "cache", {"PATH": os.defpath})
    with pytest.raises(MachineError) as caught:
        source.choose([plain_of(pip)], TARGET)
    assert str(caught.value) == "cannot fetch wheels: there is no pip on this machine"
    assert caught.value.hint == f"install pip, or {HINT}"
    (tmp_path / "bin").mkdir()
    for name in ("pip3", "pip"):
        (tmp_path / "bin" / name).symlink_to(pip.script)
        (file,) = replace(source, cache=tmp_path / name).choose([plain_of(pip)], TARGET)
        assert file.file == "plain-1.0-py3-none-any.whl"
        assert pip.said("words")[0] == "download"

"""Caches are where the XDG base directory specification wants them, or where the user says."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from sysimage.errors import MachineError, SpecError
from sysimage.files.locks import in_use
from sysimage.files.user_cache import cache_directory, make_cache


@pytest.mark.parametrize(
    ("named", "environ", "expected"),
    [
        ("/named", {"XDG_CACHE_HOME": "/xdg", "HOME": "/home/u"}, "/named"),
        (None, {"XDG_CACHE_HOME": "/xdg", "HOME": "/home/u"}, "/xdg/sysimage"),
        (None, {"HOME": "/home/u"}, "/home/u/.cache/sysimage"),
        (None, {"XDG_CACHE_HOME": "", "HOME": "/home/u"}, "/home/u/.cache/sysimage"),
        # The specification has relative paths ignored.
        (None, {"XDG_CACHE_HOME": "xdg", "HOME": "/home/u"}, "/home/u/.cache/sysimage"),
    ],
)
def test_the_cache_is_where_an_option_names_it_and_otherwise_below_the_users_own(
    named: str | None, environ: Mapping[str, str], expected: str
) -> None:
    assert cache_directory(None if named is None else Path(named), environ) == Path(expected)


def test_a_relative_directory_is_below_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cache_directory(Path("below"), {}) == tmp_path / "below"


@pytest.mark.parametrize(("asked", "mode"), [({}, 0o777), ({"private": False}, 0o777), ({"private": True}, 0o700)])
def test_a_cache_is_made_with_all_directories_above_it_and_for_its_owner_alone_if_that_is_asked_for(
    tmp_path: Path, asked: dict[str, bool], mode: int
) -> None:
    before = os.umask(0)
    try:
        make_cache(tmp_path / "above/cache", **asked)
        make_cache(tmp_path / "above/cache", **asked)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "above/cache").stat().st_mode) == mode


def test_a_cache_that_cannot_be_made_or_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name, cause in (("file", "file: File exists"), ("file/below", "file/below: Not a directory")):
        with pytest.raises(MachineError) as caught:
            make_cache(tmp_path / name)
        assert caught.value.message == f"cannot use the cache {tmp_path}/{cause}"
        assert caught.value.hint == "--cache-dir names another"
    (tmp_path / "cache/lock").mkdir(parents=True)
    with (
        pytest.raises(MachineError, match=rf"^cannot use the cache {tmp_path}/cache: Is a directory$"),
        in_use(tmp_path / "cache"),
    ):
        pytest.fail("it is not in use")


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_without_a_home_the_cache_has_to_be_named(environ: Mapping[str, str]) -> None:
    with pytest.raises(SpecError, match="HOME is not set") as caught:
        cache_directory(None, environ)
    assert "--cache-dir" in (caught.value.hint or "")

"""Caches are where the XDG base directory specification wants them, or where the user says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.files.user_cache import cache_directory


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


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_without_a_home_the_cache_has_to_be_named(environ: Mapping[str, str]) -> None:
    with pytest.raises(SpecError, match="HOME is not set") as caught:
        cache_directory(None, environ)
    assert "--cache-dir" in (caught.value.hint or "")

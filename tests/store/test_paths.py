"""Store paths are parsed once and sort so that order survives a rebuild."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.digest import NIX_BASE32_ALPHABET
from sysimage.store.paths import StorePath, make_store_path

NAMES = st.from_regex(r"[A-Za-z0-9+\-_?=][A-Za-z0-9+\-._?=]{0,40}", fullmatch=True)
PATHS = st.builds(
    StorePath,
    st.sampled_from(["/gnu/store", "/nix/store", "/home/me/store"]),
    st.text(NIX_BASE32_ALPHABET, min_size=32, max_size=32),
    NAMES,
)


@given(PATHS)
def test_a_path_reads_back_from_its_text(path: StorePath) -> None:
    assert StorePath.parse(str(path)) == path


@given(PATHS, PATHS)
def test_paths_sort_by_name_before_hash(one: StorePath, other: StorePath) -> None:
    if one.name < other.name:
        assert one < other


HASH = "0123456789abcdfghijklmnpqrsvwxyz"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/gnu/store",
        f"/gnu/store/{HASH}",
        f"/gnu/store/{HASH}-",
        f"/gnu/store/{HASH}-name/bin/sh",
        f"/gnu/store/{HASH.replace('0', 'e')}-name",
        f"/gnu/store/{HASH[1:]}-name",
        f"/gnu/store/{HASH}-.hidden",
        f"/gnu/store/{HASH}-a b",
        f"/gnu/store/{HASH}-a\n",
        f"/gnu//store/{HASH}-name",
        f"gnu/store/{HASH}-name",
        f"/gnu/store/{HASH}-" + "n" * 212,
    ],
)
def test_what_is_not_a_store_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a store"):
        StorePath.parse(text)


def test_a_made_path_depends_on_what_it_was_made_of() -> None:
    made = {
        str(make_store_path(store_dir, kind, digest, name))
        for store_dir in ("/gnu/store", "/nix/store")
        for kind in ("source", "output:out")
        for digest in (bytes(32), bytes([1] * 32))
        for name in ("hello", "hallo")
    }
    assert len(made) == 16

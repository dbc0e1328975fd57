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


@given(st.lists(PATHS, max_size=5), st.sampled_from(["/gnu/store", "/nix/store"]))
def test_paths_sort_by_name_then_by_hash_and_last_by_store(paths: list[StorePath], store_dir: str) -> None:
    paths += [StorePath(store_dir, path.hash_part[::-1], path.name) for path in paths]
    paths += [StorePath(store_dir, path.hash_part, path.name) for path in paths]
    assert sorted(paths) == sorted(paths, key=lambda path: (path.name, path.hash_part, path.store_dir))
    assert not any(path < path for path in paths)


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
    with pytest.raises(ValueError, match=r"^not a store ") as caught:
        StorePath.parse(text)
    assert ("directory" in str(caught.value)) == text.startswith(("/gnu//", "gnu/"))


@pytest.mark.parametrize("store_dir", ["", "/", "gnu/store", "/gnu/store/", "/gnu//store", "//gnu"])
def test_a_path_is_in_a_directory_that_is_absolute_and_written_in_one_way(store_dir: str) -> None:
    with pytest.raises(ValueError, match=f"^not a store directory: {store_dir!r}$"):
        StorePath(store_dir, HASH, "name")


@pytest.mark.parametrize(
    ("hash_part", "name"), [(HASH[1:], "name"), (f"{HASH}0", "n"), (HASH, ""), (HASH, ".n"), (HASH, "/")]
)
def test_a_path_that_is_put_together_has_the_form_of_one(hash_part: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"^not a store path: /gnu/store/{hash_part}-{name}$"):
        StorePath("/gnu/store", hash_part, name)


def test_a_path_has_211_letters_of_a_name_at_most() -> None:
    assert StorePath.parse(f"/gnu/store/{HASH}-" + "n" * 211).name == "n" * 211


def test_a_made_path_depends_on_what_it_was_made_of() -> None:
    made = {
        str(make_store_path(store_dir, kind, digest, name))
        for store_dir in ("/gnu/store", "/nix/store")
        for kind in ("source", "output:out")
        for digest in (bytes(32), bytes([1] * 32))
        for name in ("hello", "hallo")
    }
    assert len(made) == 16

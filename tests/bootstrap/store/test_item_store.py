"""The store keeps what it promises: made once, canonical, hashed, referred to only as declared, never half-made."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import stat
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import IntegrityError
from sysimage.notices import listen_to_notices
from sysimage.store.nar import nar_hash_and_size
from sysimage_bootstrap.integrity_check import damaged_items
from sysimage_bootstrap.store import BuiltItem, ItemStore, Recipe
from tests.support.damaged import flip_a_byte, lose_a_bit

GREETING = Recipe("greeting", "text", (), {"text": "hello"})


def writing(text: str) -> Callable[[Path], None]:
    def build(out: Path) -> None:
        (out / "bin").mkdir(parents=True)
        (out / "bin/hello").write_text(text)
        (out / "bin/hello").chmod(0o4711)
        (out / "note").write_text("plain")
        (out / "link").symlink_to("bin/hello")

    return build


def refuses(out: Path) -> None:
    raise RuntimeError("this must not run")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> ItemStore:
    return ItemStore(tmp_path / "cache", "/gnu/store")


def listing(top: Path) -> list[str]:
    lines = []
    for path in sorted([top, *top.rglob("*")]):
        status = path.lstat()
        name = path.relative_to(top)
        lines.append(f"{name} {stat.filemode(status.st_mode)} {int(status.st_mtime)}")
    return lines


def test_an_item_learns_what_is_read_of_its_package_later(store: ItemStore, tmp_path: Path) -> None:
    item = store.realise(GREETING, lambda out: (writing("hi")(out), BuiltItem(facts={"old": 1}))[1])
    store.remember(item.path, {"new": {"a": [2]}})
    assert store.facts(item.path) == ItemStore(tmp_path / "cache", "/gnu/store").facts(item.path)
    assert store.facts(item.path) == {"old": 1, "new": {"a": [2]}}
    assert ItemStore(tmp_path / "cache", "/gnu/store").get(item.path) == item


def test_an_item_is_in_canonical_form(store: ItemStore) -> None:
    item = store.realise(GREETING, writing("hi"))
    assert item.location is not None
    assert listing(item.location) == [
        ". dr-xr-xr-x 1",
        "bin dr-xr-xr-x 1",
        "bin/hello -r-xr-xr-x 1",
        "link lrwxrwxrwx 1",
        "note -r--r--r-- 1",
    ]
    assert (item.nar_hash, item.nar_size) == nar_hash_and_size(item.location)
    assert item.location == store.root / "gnu/store" / item.path.base_name


def test_an_item_is_made_once(store: ItemStore) -> None:
    first = store.realise(GREETING, writing("hi"), source="greetings", changed=(7, 3, 7))
    assert (first.source, first.changed) == ("greetings", (3, 7))
    assert store.realise(GREETING, refuses) == first
    assert ItemStore(store.root, "/gnu/store").realise(GREETING, refuses) == first
    assert store.items() == (first,)


def test_what_the_builder_says_is_remembered(store: ItemStore) -> None:
    def build(out: Path) -> BuiltItem:
        out.write_text("a plain file")
        return BuiltItem("source", (5,), {"modes": {"bin/su": 0o4755}})

    item = store.realise(GREETING, build)
    again = ItemStore(store.root, "/gnu/store")
    assert again.facts(item.path) == {"modes": {"bin/su": 0o4755}}
    assert again.get(item.path) == item
    assert (item.source, item.changed) == ("source", (5,))


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_the_umask_changes_nothing(store: ItemStore, tmp_path: Path, umask: int) -> None:
    other = ItemStore(tmp_path / "other", "/gnu/store")
    old = os.umask(umask)
    try:
        item = other.realise(GREETING, writing("hi"))
    finally:
        os.umask(old)
    expected = store.realise(GREETING, writing("hi"))
    assert item.location is not None
    assert expected.location is not None
    assert listing(item.location) == listing(expected.location)
    assert item.nar_hash == expected.nar_hash


def test_references_are_found_through_the_closure_of_the_inputs(store: ItemStore) -> None:
    bottom = store.realise(GREETING, writing("hi"))
    middle = store.realise(Recipe("middle", "text", (bottom.path,)), lambda out: out.symlink_to(str(bottom.path)))
    recipe = Recipe("top", "text", (middle.path,))
    path = store.path_of(recipe)
    stranger = store.realise(Recipe("stranger", "text"), writing("?"))
    top = store.realise(recipe, writing(f"{bottom.path} {path} {stranger.path}"))
    assert middle.references == (bottom.path,)
    assert top.references == tuple(sorted([bottom.path, path]))
    assert [item.path for item in store.closure([top.path])] == sorted([bottom.path, top.path])


def test_references_that_are_not_the_declared_ones_are_refused_by_name(store: ItemStore) -> None:
    inputs = [store.realise(Recipe(name, "text"), writing(name)).path for name in ("mentioned", "declared")]

    def build(out: Path) -> BuiltItem:
        out.write_text(str(inputs[0]))
        return BuiltItem(references=frozenset({inputs[1]}))

    with pytest.raises(IntegrityError) as caught:
        store.realise(Recipe("liar", "text", tuple(inputs)), build)
    assert {str(issue) for issue in caught.value.issues} == {
        f"{inputs[1]}: is declared but the content does not mention it",
        f"{inputs[0]}: is mentioned in the content but not declared",
    }


def test_an_input_that_is_not_there_is_named(store: ItemStore) -> None:
    absent = Recipe("absent", "text").path("/gnu/store")
    with pytest.raises(IntegrityError, match="absent: is not in the store"):
        store.realise(Recipe("needy", "text", (absent,)), refuses)


def _leaves_nothing(out: Path) -> None:
    pass


def _leaves_a_pipe(out: Path) -> None:
    out.mkdir()
    os.mkfifo(out / "pipe")


def _fails_half_way(out: Path) -> None:
    writing("half")(out)
    (out / "bin").chmod(0o555)
    raise KeyboardInterrupt


@pytest.mark.parametrize("build", [_leaves_nothing, _leaves_a_pipe, _fails_half_way])
def test_a_build_that_fails_leaves_nothing(store: ItemStore, build: Callable[[Path], None]) -> None:
    with pytest.raises((IntegrityError, KeyboardInterrupt)):
        store.realise(GREETING, build)
    assert store.items() == ()
    assert [path for path in store.root.rglob("*") if not path.is_dir()] == []
    assert list((store.root / "gnu/store").iterdir()) == []
    assert store.realise(GREETING, writing("hi")).nar_size > 0


def test_what_a_killed_build_left_is_removed(store: ItemStore) -> None:
    path = store.path_of(GREETING)
    process = multiprocessing.get_context("fork").Process(target=store.realise, args=(GREETING, _dies))
    process.start()
    process.join()
    draft = store.root / f"gnu/store/.making-{path.base_name}"
    assert process.exitcode == 9
    assert draft.is_dir()
    assert store.items() == ()
    store.sweep()
    assert not draft.exists()
    store.realise(GREETING, writing("hi"))


def _dies(out: Path) -> None:
    writing("half")(out)
    os._exit(9)


def test_a_sweep_leaves_what_is_being_made(store: ItemStore) -> None:
    def build(out: Path) -> None:
        writing("hi")(out)
        ItemStore(store.root, "/gnu/store").sweep()
        assert (out / "note").exists()

    store.realise(GREETING, build)


def _realise_and_count(root: Path, log: Path) -> None:
    def build(out: Path) -> None:
        with log.open("a") as lines:
            lines.write("built\n")
        writing("hi")(out)

    ItemStore(root, "/gnu/store").realise(GREETING, build)


def test_many_processes_make_an_item_once(store: ItemStore, tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    log = tmp_path / "log"
    processes = [context.Process(target=_realise_and_count, args=(store.root, log)) for _ in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 8
    assert log.read_text() == "built\n"
    assert list((store.root / "var/sysimage/locks").iterdir()) == []


def test_an_item_with_another_byte_and_its_old_times_is_made_again(store: ItemStore) -> None:
    item = store.realise(GREETING, writing("hi"))
    flip_a_byte(store.location(item.path) / "note")
    again = ItemStore(store.root, "/gnu/store")
    with listen_to_notices((heard := list[str]()).append):
        assert again.get(item.path) is None
    assert heard == [f"{store.location(item.path)} was damaged: it is made again when it is needed"]
    assert again.realise(GREETING, writing("hi")) == item
    assert (store.location(item.path) / "note").read_text() == "plain"


def test_a_restored_item_is_read_once_and_then_believed(store: ItemStore, tmp_path: Path) -> None:
    item = store.realise(GREETING, writing("hi"))
    subprocess.run(["cp", "-a", store.root, tmp_path / "restored"], check=True)
    restored = tmp_path / "restored"
    assert ItemStore(restored, "/gnu/store").get(item.path) == replace(
        item, location=ItemStore(restored, "/gnu/store").location(item.path)
    )
    believed = ItemStore(restored, "/gnu/store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "readv", lambda *_: pytest.fail("an item that was read is read again"))
        assert believed.get(item.path) is not None


def test_reading_a_restored_item_makes_it_no_younger(store: ItemStore, tmp_path: Path) -> None:
    item = store.realise(GREETING, writing("hi"))
    registered = Path("var/sysimage/registered/gnu/store", item.path.base_name)
    os.utime(store.root / registered, (5, 5))
    subprocess.run(["cp", "-a", store.root, tmp_path / "restored"], check=True)
    assert ItemStore(tmp_path / "restored", "/gnu/store").get(item.path) is not None
    assert (tmp_path / "restored" / registered).stat().st_mtime == 5


def test_an_item_that_looks_right_and_is_not_is_found_by_reading(store: ItemStore) -> None:
    item = store.realise(GREETING, writing("hi"))
    lose_a_bit(store, item.path, "note")
    fresh = ItemStore(store.root, "/gnu/store")
    assert fresh.get(item.path) == item
    assert fresh.read(item.path) is None
    assert damaged_items(fresh, [f"{fresh.location(item.path)}/note", "/etc/passwd"]) == (item.path,)


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_an_item_in_which_something_may_not_be_is_made_again(store: ItemStore, mode: int) -> None:
    item = store.realise(GREETING, writing("hi"))
    top = store.location(item.path)
    top.chmod(0o755)
    os.mkfifo(top / "pipe", mode)
    top.chmod(0o555)
    assert ItemStore(store.root, "/gnu/store").realise(GREETING, writing("hi")) == item
    assert not (top / "pipe").exists()


@settings(max_examples=30, deadline=None)
@given(position=st.integers(0, 400), flip=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_registration_is_not_a_registration(
    tmp_path_factory: pytest.TempPathFactory, position: int, flip: int, cut: bool
) -> None:
    store = ItemStore(tmp_path_factory.mktemp("store"), "/gnu/store")
    item = store.realise(GREETING, writing("hi"))
    file = store.root / "var/sysimage/registered/gnu/store" / item.path.base_name
    data = bytearray(file.read_bytes())
    position %= len(data)
    data[position] ^= flip
    file.write_bytes(data[:position] if cut else data)
    again = ItemStore(store.root, "/gnu/store")
    assert again.items() == ()
    assert again.realise(GREETING, writing("hi")) == item


def test_an_item_that_an_older_version_registered_is_not_made_again(store: ItemStore) -> None:
    item = store.realise(GREETING, writing("hi"))
    file = store.root / "var/sysimage/registered/gnu/store" / item.path.base_name
    content = file.read_bytes().partition(b"\n")[2]
    file.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    with listen_to_notices((heard := list[str]()).append):
        assert ItemStore(store.root, "/gnu/store").realise(GREETING, refuses) == item
    assert heard == []


def test_an_item_whose_files_are_gone_is_made_again(store: ItemStore) -> None:
    item = store.realise(GREETING, writing("hi"))
    assert item.location is not None
    item.location.rename(item.location.with_name("elsewhere"))
    assert ItemStore(store.root, "/gnu/store").realise(GREETING, writing("hi")) == item
    assert item.location.exists()


def test_the_path_depends_on_everything_the_recipe_says_and_on_the_store_directory() -> None:
    one, other = (Recipe(name, "text").path("/gnu/store") for name in ("one", "other"))
    recipes = [
        Recipe("a", "k", (one,), {"x": 1}),
        Recipe("b", "k", (one,), {"x": 1}),
        Recipe("a", "l", (one,), {"x": 1}),
        Recipe("a", "k", (other,), {"x": 1}),
        Recipe("a", "k", (one,), {"x": 2}),
        Recipe("a", "k", (one, other), {"x": 1}),
    ]
    paths = [recipe.path(store_dir) for recipe in recipes for store_dir in ("/gnu/store", "/nix/store")]
    assert len({path.hash_part for path in paths}) == len(paths)


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.integers()))
def test_the_path_does_not_depend_on_any_order(parameters: dict[str, int]) -> None:
    one, other = (Recipe(name, "text").path("/gnu/store") for name in ("one", "other"))
    backwards = dict(reversed(parameters.items()))
    assert (
        Recipe("a", "k", (one, other), parameters).digest() == Recipe("a", "k", (other, one, other), backwards).digest()
    )

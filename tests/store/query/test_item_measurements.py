"""What reading items without a database has found is kept, and believed exactly as long as they did not change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.errors import MachineError
from sysimage.store import StoreItem
from sysimage.store.query import FoundItems, MeasurementOptions, find_items, read_store
from sysimage.store.query.catalogue import ListedCatalogue, PathInfo
from sysimage.store.query.item_measurements import Measurer
from tests.support.store_builder import StoreBuilder, small_system


@pytest.fixture
def store(tmp_path: Path) -> StoreBuilder:
    return StoreBuilder(tmp_path / "store")


@pytest.fixture
def closure(store: StoreBuilder) -> Closure:
    return small_system(store)


@pytest.fixture(params=[1, 2], ids=["one process", "two processes"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> MeasurementOptions:
    return MeasurementOptions(tmp_path / "kept", request.param)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], int]:
    """How many files below the store were opened since it was last asked, by any process."""
    log = tmp_path / "opened"
    log.touch()
    real = os.open

    def noting(path: Any, *arguments: Any, **more: Any) -> int:
        if isinstance(path, bytes):
            with log.open("ab") as file:
                file.write(path + b"\n")
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", noting)

    def count() -> int:
        number = len(log.read_bytes().splitlines())
        log.write_bytes(b"")
        return number

    return count


def files_of(items: tuple[StoreItem, ...]) -> int:
    places = [place for item in items if item.location for place in (item.location, *item.location.rglob("*"))]
    return sum(place.is_file() and not place.is_symlink() for place in places)


def bare(store: StoreBuilder, closure: Closure, memory: MeasurementOptions) -> FoundItems:
    return read_store(store.location, closure.roots, memory=memory)


def test_a_bare_store_is_read_once(
    store: StoreBuilder, closure: Closure, memory: MeasurementOptions, opened: Callable[[], int]
) -> None:
    first = bare(store, closure, memory)
    assert Closure(first.items, first.roots).items == closure.items
    assert opened() == files_of(first.items)
    assert bare(store, closure, memory) == first
    assert opened() == 0


def test_what_a_list_leaves_out_is_read_once(
    store: StoreBuilder, closure: Closure, memory: MeasurementOptions, opened: Callable[[], int]
) -> None:
    listed = ListedCatalogue(PathInfo(item.path, item.references) for item in closure)

    def found() -> FoundItems:
        return find_items(listed, "list", closure.roots, location=store.location, memory=memory)

    first = found()
    assert Closure(first.items, first.roots).items == closure.items
    assert opened() == files_of(closure.items)
    assert found() == first
    assert opened() == 0


def test_a_longer_list_of_the_same_name_leads_to_no_second_read(
    store: StoreBuilder, closure: Closure, memory: MeasurementOptions, opened: Callable[[], int]
) -> None:
    one, *others = (item for item in closure if item.path.name in ("libc-2.41", "tzdata-2025b"))
    for items in ([one], [one, *others]):
        listed = ListedCatalogue(PathInfo(item.path, ()) for item in items)
        assert len(find_items(listed, "list", location=store.location, memory=memory).items) == len(items)
        assert opened() == files_of((items[-1],))


def test_what_was_read_is_found_again_in_whatever_order_paths_come(
    store: StoreBuilder, closure: Closure, memory: MeasurementOptions, opened: Callable[[], int]
) -> None:
    places = {item.path: item.place for item in closure}
    written: list[list[int]] = []
    for order in (list(places), list(places)[::-1]):
        measurer = Measurer(store.location, {path: places[path] for path in order}, scan=True, memory=memory)
        measured = measurer.measure(tuple(order))
        measurer.keep()
        assert {path: one.nar_hash for path, one in measured.items()} == {i.path: i.nar_hash for i in closure}
        assert memory.directory is not None
        written.append([path.stat().st_ino for path in memory.directory.iterdir()])
    assert opened() == files_of(closure.items), "of the first time alone"
    assert written[0] == written[1], "what is kept already is not written again"


def _reverse(file: Path) -> None:
    status = file.stat()
    file.write_bytes(file.read_bytes()[::-1])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def _become_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda file: file.write_text("other"),
    "content of the same length, times set back": lambda file: _reverse(file),
    "mode": lambda file: file.chmod(0o755),
    "a new file": lambda file: (file.parent / "new").touch(),
    "a file less": lambda file: file.unlink(),
    "another name": lambda file: file.rename(file.with_name("renamed")),
    "a link instead": lambda file: _become_link(file),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_item_that_changed_is_read_again_and_no_other(
    store: StoreBuilder,
    closure: Closure,
    memory: MeasurementOptions,
    opened: Callable[[], int],
    change: Callable[[Path], object],
) -> None:
    extra = store.add("extra", {"share": {"deep": {"file": "content"}, "other": "text"}}).location
    assert extra
    for path in (extra, extra / "share", extra / "share/deep", extra / "share/deep/file"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    roots = [*closure.roots, store.items["extra"].path]
    before = read_store(store.location, roots, memory=memory)
    change(extra / "share/deep/file")

    opened()
    after = read_store(store.location, roots, memory=memory)
    read = opened()
    assert read == sum(path.is_file() and not path.is_symlink() for path in extra.rglob("*"))
    assert {item.path.name for item in after.items if item not in before.items} == {"extra"}
    assert after == read_store(store.location, roots)


def test_a_new_item_may_be_mentioned_by_those_that_were_there(store: StoreBuilder, memory: MeasurementOptions) -> None:
    """What could be a reference is part of the question: with more items in the store, another answer may be right."""
    late = store.add("late", {"file": "x"})
    store.add("early", {"file": f"{late.path}"})
    early = store.items["early"].path
    place = late.location
    assert place
    place.rename(place.with_name("elsewhere"))
    (alone,) = read_store(store.location, [early], memory=memory).items
    assert alone.references == ()

    place.with_name("elsewhere").rename(place)
    found = read_store(store.location, [early], memory=memory)
    assert [item.path for item in found.items] == sorted([early, late.path])


def test_an_item_that_cannot_be_read_is_named(
    store: StoreBuilder, closure: Closure, memory: MeasurementOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refuse(path: Any, *arguments: Any, **more: Any) -> int:
        if isinstance(path, bytes) and b"bash" in path:
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments, **more)

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MachineError, match=r"cannot read .*bash.*: Permission denied"):
        bare(store, closure, memory)

"""Reading ahead: only where it pays, of exactly the files that will be read, and over when the work is over."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sysimage.layers import LayerSource, prefetch
from tests.support.descriptors import no_descriptor_is_left
from tests.support.stores import make_item


@pytest.fixture
def sources(tmp_path: Path) -> list[LayerSource]:
    items = [make_item(tmp_path, f"item-{n}", {"a/file": "x" * n, "b": "y", "link": "->b"}) for n in range(1, 4)]
    return [LayerSource(item.path.name, (item,)) for item in items]


def started(monkeypatch: pytest.MonkeyPatch, sources: list[LayerSource], cold: bool) -> bool:
    """Whether another process was started for these sources."""
    children: list[int] = []
    monkeypatch.setattr(prefetch, "_is_cold", lambda _: cold)
    monkeypatch.setattr(prefetch, "_ask", lambda *_: os._exit(0))
    real: Callable[[], int] = os.fork

    def fork() -> int:
        child = real()
        if child:
            children.append(child)
        return child

    monkeypatch.setattr(os, "fork", fork)
    with prefetch.prefetching(sources):
        pass
    for child in children:
        with pytest.raises(ChildProcessError):
            os.waitpid(child, 0)
    return bool(children)


def test_small_work_is_not_worth_it(sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not started(monkeypatch, sources, cold=True)


@pytest.mark.parametrize("cold", [True, False])
def test_files_in_memory_are_not_asked_for(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch, cold: bool
) -> None:
    monkeypatch.setattr(prefetch, "worth_a_process", lambda size: True)

    assert started(monkeypatch, sources, cold) is cold


def test_whether_most_files_are_in_memory_is_what_the_kernel_says(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not prefetch._is_cold(sources)

    def not_there(*_: object) -> int:
        raise BlockingIOError

    monkeypatch.setattr(os, "preadv", not_there)
    assert prefetch._is_cold(sources)


@pytest.mark.parametrize(
    ("files", "opened"),
    [
        ({"a": "", "b/c": "x", "d": "y"}, ["a", "c"]),
        ({"a": "->b", "b": None}, []),
        ({"a": "", "b": ""}, ["a", "b"]),
    ],
)
def test_the_first_file_that_holds_something_speaks_for_its_item(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str | None], opened: list[str]
) -> None:
    item = make_item(tmp_path / "store", "item", files)
    seen: list[str] = []
    real = os.open

    def noting(path: bytes, flags: int) -> int:
        seen.append(Path(os.fsdecode(path)).name)
        return real(path, flags)

    monkeypatch.setattr(os, "open", noting)
    monkeypatch.setattr(os, "preadv", lambda *_: 1)  # not every file system can say it: tmpfs does not
    found = prefetch._in_memory(item)
    monkeypatch.undo()

    assert seen == opened
    assert found is (True if "c" in opened else None)


@pytest.mark.parametrize("error", [OSError(95, "not supported"), BlockingIOError()])
def test_a_file_system_that_cannot_say_is_not_cold(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def answer(*_: object) -> int:
        raise error

    monkeypatch.setattr(os, "preadv", answer)
    assert prefetch._is_cold(sources) is isinstance(error, BlockingIOError)


@pytest.mark.parametrize(("cold", "found"), [(11, False), (12, False), (13, True)])
def test_of_24_files_more_than_half_are_not_in_memory_where_it_is_cold(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch, cold: int, found: bool
) -> None:
    """Whether the last byte of each is there is what the kernel is asked."""
    asked: list[tuple[int, int]] = []

    def answer(fd: int, buffers: list[bytearray], offset: int, flags: int) -> int:
        assert (len(buffers), len(buffers[0]), flags) == (1, 1, os.RWF_NOWAIT)
        asked.append((os.fstat(fd).st_size, offset))
        if len(asked) <= cold:
            raise BlockingIOError
        return 1

    monkeypatch.setattr(os, "preadv", answer)
    assert prefetch._is_cold(sources * 24) is found
    assert len(asked) == 24
    assert {size - offset for size, offset in asked} == {1}


def test_few_files_are_all_looked_at(sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(os, "preadv", lambda *arguments: asked.append(arguments))
    assert not prefetch._is_cold(sources)
    assert not prefetch._is_cold([])
    assert len(asked) == 3


def test_every_file_is_asked_for_once_in_the_order_of_reading_and_links_are_not_followed(
    sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    whole = 0, 0, os.POSIX_FADV_WILLNEED

    def note(fd: int, *what: int) -> None:
        assert what == whole
        asked.append(str(Path(f"/proc/self/fd/{fd}").readlink()))

    monkeypatch.setattr(os, "posix_fadvise", note)
    with no_descriptor_is_left():
        prefetch._ask(sources)

    assert asked == [str(s.items[0].location) + name for s in sources for name in ("/a/file", "/b")]


def test_the_reader_reports_what_cannot_be_read(sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch) -> None:
    location = sources[0].items[0].location
    assert location
    location.rename(location.with_name("gone"))

    prefetch._ask(sources)


def test_an_item_that_is_a_file_keeps_nothing_from_being_asked_for(
    tmp_path: Path, sources: list[LayerSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "script").write_text("x")
    script = LayerSource("script", (replace(sources[0].items[0], location=tmp_path / "script"),))
    asked: list[str] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, *_: asked.append(Path(f"/proc/self/fd/{fd}").readlink().name))
    prefetch._ask([script, sources[0]])

    assert asked == ["script", "file", "b"]

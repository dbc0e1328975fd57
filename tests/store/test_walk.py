"""The walk over an item: order, names, ends of directories, and what is refused for which purpose."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.errors import IntegrityError
from sysimage.store.walk import ContentVisitor, Entry, Purpose, walk
from tests.support.descriptors import no_descriptor_is_left


class Recorder(ContentVisitor):
    """Notes what it is shown."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, ...]] = []

    def content(self, entry: Entry, name: bytes, fd: int, size: int, executable: bool) -> None:
        self.seen.append((name, os.read(fd, size + 1), executable))

    def target(self, entry: Entry, name: bytes, target: bytes) -> None:
        self.seen.append((name, "->", target))

    def enter(self, entry: Entry, name: bytes) -> None:
        self.seen.append((name + b"/",))

    def leave(self, depth: int) -> None:
        self.seen.append((depth,))


class LayerLike(Recorder):
    purpose = Purpose("carry {} home", b".wh.", "it would vanish")


def seen_at(place: Path, recorder: Recorder | None = None) -> list[tuple[object, ...]]:
    recorder = recorder or Recorder()
    with no_descriptor_is_left():
        walk(os.fsencode(place), recorder, b"item")
    return recorder.seen


def test_a_directory_comes_before_what_it_holds_and_its_end_after(tmp_path: Path) -> None:
    (tmp_path / "b/deep").mkdir(parents=True)
    (tmp_path / "b/deep/run").write_text("go")
    (tmp_path / "b/deep/run").chmod(0o700)
    (tmp_path / "b-c").symlink_to("b")
    (tmp_path / "a").write_text("text")

    assert seen_at(tmp_path) == [
        (b"item/",),
        (b"item/a", b"text", False),
        (b"item/b/",),
        (b"item/b/deep/",),
        (b"item/b/deep/run", b"go", True),
        (2,),
        (1,),
        (b"item/b-c", "->", b"b"),
        (0,),
    ]


def test_an_item_may_be_a_file_or_a_link(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("gone")

    assert seen_at(tmp_path / "file") == [(b"item", b"x", False)]
    assert seen_at(tmp_path / "link") == [(b"item", "->", b"gone")]


@given(names=st.sets(st.binary(min_size=1, max_size=6).map(lambda name: b"n" + name.translate(None, b"/\0"))))
def test_names_come_in_the_order_of_their_bytes(names: set[bytes], tmp_path_factory: pytest.TempPathFactory) -> None:
    top = tmp_path_factory.mktemp("walk")
    for name in names:
        (top / os.fsdecode(name)).touch()

    assert [name for name, *_ in seen_at(top)[1:-1]] == [b"item/" + name for name in sorted(names)]


@pytest.mark.parametrize("where", ["top", "inside"])
def test_what_is_not_a_file_is_refused_in_the_words_of_the_purpose(tmp_path: Path, where: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    place = tmp_path / "pipe" if where == "top" else tmp_path

    with pytest.raises(IntegrityError, match=r"^cannot archive .*/pipe: it is neither a .* symlink$") as caught:
        seen_at(place)
    assert caught.value.hint == "devices, pipes and sockets cannot be in a store"
    with pytest.raises(IntegrityError, match=r"cannot carry .*/pipe home: it is neither"):
        seen_at(place, LayerLike())


def test_a_pipe_that_takes_the_place_of_a_file_is_refused_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    real = os.open

    def replaced(path: bytes, flags: int) -> int:
        os.unlink(path)  # noqa: PTH108 (bytes)
        os.mkfifo(path)
        return real(path, flags)

    monkeypatch.setattr(os, "open", replaced)
    with pytest.raises(IntegrityError, match=r"cannot archive .*/file: it is neither"):
        seen_at(tmp_path)


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
@pytest.mark.parametrize("name", [".wh.", ".wh.x", ".wh..wh..opq"])
def test_a_reserved_name_is_refused_wherever_it_is_and_whatever_has_it(tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "deep").mkdir()
    for other in (".a", ".wg.x", ".wh", ".wi", "x.wh.y"):
        (tmp_path / "deep" / other).touch()
    place = tmp_path / "deep" / name
    make: dict[str, Callable[[], None]] = {
        "file": place.touch,
        "directory": place.mkdir,
        "link": lambda: place.symlink_to("x"),
    }
    make[kind]()

    with pytest.raises(IntegrityError, match=r"cannot carry .*/deep/\.wh\..* home: it would vanish"):
        seen_at(tmp_path, LayerLike())
    assert len(seen_at(tmp_path)) >= 10  # nothing is reserved where nothing was asked for


def test_a_reserved_name_is_refused_where_it_is_the_only_one(tmp_path: Path) -> None:
    (tmp_path / ".wh.x").touch()
    with pytest.raises(IntegrityError, match=rf"^cannot carry {tmp_path}/\.wh\.x home: it would vanish$"):
        seen_at(tmp_path, LayerLike())


@pytest.mark.parametrize("names", [[], [".a"], [".wh", ".wi"], ["x"]])
def test_a_directory_without_a_reserved_name_is_shown(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).touch()
    assert [name for name, *_ in seen_at(tmp_path, LayerLike())[1:-1]] == [f"item/{name}".encode() for name in names]


def test_names_beside_the_reserved_ones_are_not_refused(tmp_path: Path) -> None:
    for name in (".wg.x", ".wh", ".wi", "x.wh.y"):
        (tmp_path / name).touch()

    assert len(seen_at(tmp_path, LayerLike())) == 6

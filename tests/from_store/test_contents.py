"""The union of several items at the root of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import SpecError
from sysimage.from_store.contents import Content, union
from sysimage.from_store.item_files import ItemFiles
from sysimage.rootfs.tree import Kind
from sysimage.verify import verify_image
from tests.support.builds import build_from_store, config_of, registered
from tests.support.listing import listing_of_image
from tests.support.raw_image import RawImage, write_archive
from tests.support.raw_tar import archive, directory, file
from tests.support.store_builder import ELF, Link, Program, StoreBuilder

TWO = {
    "one-1": {"bin": {"a": Program("#!/bin/sh\n"), "self": Link("a")}, "etc": {"x": "x\n"}, "lib": {"l": "l\n"}},
    "two-1": {"bin": {"b": Program("#!/bin/sh\n")}, "share": Link("{data-1}/share")},
}


def image(tmp_path: Path, contents: list[Any], **more: Any) -> dict[str, list[str]]:
    """Build an image with these contents; a path's first line of its listing."""
    store = StoreBuilder(tmp_path / "store")
    store.add("data-1", {"share": {"y": "y\n"}})
    for name, tree in TWO.items():
        store.add(name, tree)
    closure = store.closure(*TWO)
    paths = {item.path.name: str(item.path) for item in closure}
    registered(closure, tmp_path / "registration")

    def filled(content: Any) -> Any:
        return paths[content] if isinstance(content, str) else {**content, "path": paths[content["path"]]}

    source = {"contents": [filled(one) for one in contents], "source": "registration", "location": "store"}
    spec = {"name": "top", "from-store": source, **more}
    build_from_store(tmp_path, spec)
    verify_image(tmp_path / "top.tar")
    named = {path: name for name, path in paths.items()}
    text = listing_of_image(tmp_path / "top.tar")
    for path, name in named.items():
        text = text.replace(path, "{" + name + "}")
    return {line.split()[0]: line.split()[1:] for line in text.splitlines()}


def test_directories_of_several_items_merge_and_others_are_one_link(tmp_path: Path) -> None:
    found = image(tmp_path, ["one-1", "two-1"])
    assert found["/bin"][:2] == ["dir", "0755"]
    assert found["/bin/a"][-1] == "{one-1}/bin/a"
    assert found["/bin/self"][-1] == "{one-1}/bin/self"
    assert found["/bin/b"][-1] == "{two-1}/bin/b"
    assert found["/lib"][-1] == "{one-1}/lib"
    assert found["/share"][-1] == "{two-1}/share"
    assert found["/etc"][0] == "dir"  # every image has one
    assert found["/etc/x"][-1] == "{one-1}/etc/x"


def test_what_is_copied_has_the_owner_and_mode_of_the_spec(tmp_path: Path) -> None:
    copied = {"path": "one-1", "copy": True, "owner": "ann", "group": "ann", "mode": "0640"}
    found = image(tmp_path, [copied, "two-1"], users={"ann": {"uid": 1000}})
    assert found["/bin/a"][:3] == ["file", "0640", "1000:1000"]
    assert found["/bin/self"][-1] == "a"
    assert found["/bin/b"][-1] == "{two-1}/bin/b"
    assert found["/lib"][:3] == ["dir", "0755", "1000:1000"]
    (tmp_path / "other").mkdir()
    assert image(tmp_path / "other", [{"path": "one-1", "copy": True}])["/bin/a"][:3] == ["file", "0755", "0:0"]


def test_the_spec_and_the_base_need_real_directories(tmp_path: Path) -> None:
    base = RawImage(archive(directory(b"lib", 0o711), directory(b"share"), file(b"share/base", b"")))
    write_archive(base.layout(), tmp_path / "base")
    files = {"/share/mine": {"text": ""}, "/bin/a": {"text": "mine", "mode": "0755"}}
    found = image(tmp_path, ["one-1", "two-1"], files=files, **{"from-image": "base"})
    assert found["/lib"][:2] == ["dir", "0711"]
    assert found["/lib/l"][-1] == "{one-1}/lib/l"
    assert found["/share/y"][-1] == "{two-1}/share/y"
    assert {"/share/base", "/share/mine"} <= found.keys()
    assert found["/bin/a"][0] == "file"


def test_different_things_at_one_path_are_a_conflict_with_both_places(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "store")
    store.add("one-1", {"bin": {"a": "1"}, "x": {"y": ""}})
    store.add("two-1", {"bin": {"a": "2"}, "x": "a file"})
    closure = store.closure("one-1", "two-1")
    registered(closure, tmp_path / "registration")
    contents = [str(root) for root in closure.roots]
    spec = {"name": "top", "from-store": {"contents": contents, "source": "registration", "location": "store"}}
    with pytest.raises(SpecError) as error:
        build_from_store(tmp_path, spec)
    assert [str(issue) for issue in error.value.issues] == [
        "/from-store/contents/0: /bin/a is in /from-store/contents/1 too, and is not the same there",
        "/from-store/contents/0: /x is in /from-store/contents/1 too, and is not the same there",
    ]


def test_what_the_spec_says_of_a_path_decides_between_two_items(tmp_path: Path) -> None:
    """As of two profiles of Guix, each of which has a manifest and an etc/profile."""
    store = StoreBuilder(tmp_path / "store")
    store.add("one-1", {"manifest": "1", "etc": {"profile": "export A=1"}, "x": "1"})
    store.add("two-1", {"manifest": "2", "etc": {"profile": "export A=2"}, "x": "2"})
    closure = store.closure("one-1", "two-1")
    registered(closure, tmp_path / "registration")
    one, two = map(str, closure.roots)
    source = {"contents": [one, two], "source": "registration", "location": "store", "links": {"/manifest": "manifest"}}
    spec = {"name": "top", "from-store": source, "files": {"/x": {"text": "both"}}}
    with pytest.raises(SpecError) as error:
        build_from_store(tmp_path, spec)
    assert error.value.hint == "leave one of the items out, or say in symlinks or files what is there"
    assert [str(issue) for issue in error.value.issues] == [
        "/from-store/contents/0: /etc/profile is in /from-store/contents/1 too, and is not the same there"
    ]
    tree = build_from_store(tmp_path, {**spec, "symlinks": {"/etc/profile": f"{two}/etc/profile"}}).planned.tree
    assert tree["/etc/profile"].target == f"{two}/etc/profile"
    assert tree["/manifest"].target == f"{one}/manifest"
    assert tree["/x"].read() == b"both"
    verify_image(tmp_path / "top.tar")


def test_a_program_of_the_contents_can_be_the_entry_point(tmp_path: Path) -> None:
    store = StoreBuilder(tmp_path / "store")
    store.add("one-1", {"bin": {"a": Program(ELF)}})
    closure = store.closure("one-1")
    registered(closure, tmp_path / "registration")
    source = {"contents": [str(closure.roots[0])], "source": "registration", "location": "store"}
    runtime = config_of(build_from_store(tmp_path, {"name": "top", "from-store": source, "entry-point": ["bin/a"]}))
    assert runtime["config"]["Entrypoint"] == [f"{closure.roots[0]}/bin/a"]
    assert runtime["config"]["Env"] == [f"PATH={closure.roots[0]}/bin"]


trees: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["x", "y", Link("a"), Link("."), Link("../b"), Link("/nowhere")]),
    lambda below: st.dictionaries(st.sampled_from("abc"), below, max_size=3),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.lists(st.dictionaries(st.sampled_from("abc"), trees, max_size=3), min_size=1, max_size=3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_path_of_every_item_is_found_in_the_union(
    tmp_path_factory: pytest.TempPathFactory, contents: list[Any], copy: bool
) -> None:
    store = StoreBuilder(tmp_path_factory.mktemp("store"))
    items = [store.add(f"item-{number}", tree) for number, tree in enumerate(contents)]
    files = ItemFiles(items)
    parts = [Content(str(item.path), str(number), copy) for number, item in enumerate(items)]
    entries, issues = union(parts, files, lambda path: False)
    placed = {entry.path: entry for entry in entries}
    assert len(placed) == len(entries)
    for item in items if not issues else ():
        for name in files.find(str(item.path)).iterdir():  # type: ignore[union-attr]
            found = files.find(f"{item.path}/{name.name}")
            entry = placed[f"/{name.name}"]
            if found is None or not found.is_dir():
                continue
            relative = entry.target is not None and not entry.target.startswith("/")
            assert relative or entry.kind is Kind.DIRECTORY or files.find(str(entry.target)) == found

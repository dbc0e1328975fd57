"""Files of store items that are below /usr too: both names in the item's layer, the one in /usr with the content."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sysimage.layers import Check, Compression, LayerSource, layer_key, tar_size, write_tar
from sysimage.process import run
from sysimage.rootfs import Entry
from sysimage.store import StoreItem
from sysimage.store.items import OwnFile, ShownFiles
from tests.support.stores import make_item

USR = ShownFiles(("share/ours",), {"bin/su": OwnFile(0o4755, 0, 42)}, {"bin/sh": "shell"})


def archive_of(source: LayerSource, check: Check | None = None) -> bytes:
    pieces: list[bytes] = []
    write_tar(source, lambda piece: pieces.append(bytes(piece)), check=check)
    return b"".join(pieces)


def members(source: LayerSource) -> Iterator[str]:
    """What a layer holds, the names of items' top directories left out."""
    tops = {str(item.path)[1:]: item.path.name for item in source.items}
    with tarfile.open(fileobj=io.BytesIO(archive_of(source))) as archive:
        for member in archive:
            name, target = member.name, f" -> {member.linkname}" if member.issym() else ""
            for top, short in tops.items():
                name = name.replace(top, f"<{short}>")
            link = f" = {member.linkname}" if member.islnk() else ""
            yield f"{member.mode:04o} {member.uid}:{member.gid} {name}{link}{target}"


@pytest.fixture
def tool(tmp_path: Path) -> StoreItem:
    files: dict[str, str | bytes | None] = {
        "bin/tool": b"#!",
        "bin/su": b"su",
        "bin/sh": "->/gnu/store/x/bin/sh",
        "etc/tool.conf": "conf",
        "share/ours/note": "ours",
        "share/doc": None,
    }
    return replace(make_item(tmp_path, "tool-1", files), shown=USR)


def test_both_names_come_one_after_the_other_and_the_one_in_usr_has_the_content(tool: StoreItem) -> None:
    assert list(members(LayerSource("x", (tool,), uid=7, gid=8)))[3:] == [
        "0555 7:8 <tool-1>",
        "0755 0:0 usr",
        "0555 7:8 <tool-1>/bin",
        "0755 0:0 usr/bin",
        "0777 7:8 <tool-1>/bin/sh -> /gnu/store/x/bin/sh",
        "0777 0:0 usr/bin/sh -> shell",
        "4755 0:42 usr/bin/su",
        "0555 7:8 <tool-1>/bin/su",
        "0555 7:8 usr/bin/tool",
        "0555 7:8 <tool-1>/bin/tool = usr/bin/tool",
        "0555 7:8 <tool-1>/etc",
        "0444 7:8 <tool-1>/etc/tool.conf",
        "0555 7:8 <tool-1>/share",
        "0755 0:0 usr/share",
        "0555 7:8 <tool-1>/share/doc",
        "0755 0:0 usr/share/doc",
        "0555 7:8 <tool-1>/share/ours",
        "0444 7:8 <tool-1>/share/ours/note",
    ]


def test_what_tar_unpacks_are_two_names_of_one_file(tool: StoreItem, tmp_path: Path) -> None:
    (tmp_path / "layer.tar").write_bytes(archive_of(LayerSource("x", (tool,))))
    (tmp_path / "root").mkdir()
    run(["tar", "-xf", str(tmp_path / "layer.tar"), "-C", str(tmp_path / "root"), "--no-same-owner"])
    item = tmp_path / "root" / str(tool.path)[1:]
    assert (item / "bin/tool").samefile(tmp_path / "root/usr/bin/tool")
    assert not (item / "bin/su").samefile(tmp_path / "root/usr/bin/su")
    assert (item / "bin/su").read_bytes() == (tmp_path / "root/usr/bin/su").read_bytes() == b"su"


def test_what_is_over_an_item_in_its_own_layer_takes_the_place_in_usr(tool: StoreItem) -> None:
    over = (Entry.directory("/usr/share", 0o750), Entry.file("/usr/bin/tool", b"other"), Entry.directory("/usr/local"))
    found = list(members(LayerSource("x", (tool,), over)))
    assert [line for line in found if line.endswith(("bin/tool", "usr/share", "usr/local"))] == [
        "0555 0:0 <tool-1>/bin/tool",
        "0750 0:0 usr/share",
        "0644 0:0 usr/bin/tool",
        "0755 0:0 usr/local",
    ]


def test_directories_look_as_the_image_has_them(tool: StoreItem) -> None:
    parents = (Entry.directory("/usr/bin", 0o700), Entry.directory("/usr/other", 0o700))
    found = list(members(LayerSource("x", (tool,), (), parents)))
    assert "0700 0:0 usr/bin" in found
    assert not [line for line in found if "other" in line]


def test_a_directory_that_the_layer_has_already_is_not_written_again(tool: StoreItem) -> None:
    item = replace(tool, shown=ShownFiles(top="/a/b"))
    entries = Entry.directory("/a", 0o700), Entry.directory("/a/b", 0o750), Entry.directory("/a/b/bin", 0o711)
    found = [line for line in members(LayerSource("x", (item,), entries)) if " a" in line]
    assert found[:3] == ["0700 0:0 a", "0750 0:0 a/b", "0711 0:0 a/b/bin"]
    assert len(found) == len(set(found))


def test_a_layers_key_depends_on_how_its_items_appear_in_usr(tool: StoreItem) -> None:
    plain = Compression.parse("none")
    parents = (Entry.directory("/usr/bin", 0o700),)
    sources = [
        LayerSource("x", (item,)) for item in (tool, replace(tool, shown=None), replace(tool, shown=ShownFiles()))
    ]
    sources.append(LayerSource("x", (tool,), (), parents))
    assert len({layer_key(source, plain) for source in sources}) == 4
    assert layer_key(LayerSource("x", (tool,), (), (Entry.directory("/usr/bin"),)), plain) == layer_key(
        sources[0], plain
    )


def test_an_unusual_directory_matters_if_it_is_at_above_or_below_where_any_item_shows_files(tool: StoreItem) -> None:
    elsewhere = replace(tool, path=replace(tool.path, name="other-1"), shown=ShownFiles(top="/opt/other"))
    unusual = {
        path: Entry.directory(path, 0o700)
        for path in ("/opt", "/opt/other", "/opt/other/bin", "/opt/others", "/usr", "/usr/bin", "/usrs", "/srv")
    }
    for items, expected in (
        ((tool,), {"/usr", "/usr/bin"}),
        ((tool, elsewhere), {"/opt", "/opt/other", "/opt/other/bin", "/usr", "/usr/bin"}),
    ):
        source = LayerSource("x", items, (), (*unusual.values(), Entry.directory("/usr/lib")))
        assert {entry.path for entry in source.unusual_directories()} == expected


_names = st.sampled_from(["bin", "lib", "etc", "share", "a", "b", "c" * 90])
_paths = st.lists(_names, min_size=1, max_size=4).map("/".join)
_contents = st.one_of(st.binary(max_size=600), st.just("text"), st.just("->bin"), st.none())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    items=st.lists(st.dictionaries(_paths, _contents, max_size=6), min_size=1, max_size=3),
    over=st.lists(_paths, max_size=2, unique=True),
    own=st.sets(_paths, max_size=2),
)
def test_every_file_is_there_once_under_each_name_and_the_size_is_foreseen(
    items: list[dict[str, str | bytes | None]], over: list[str], own: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = tmp_path_factory.mktemp("store")
    usr = ShownFiles((), dict.fromkeys(own, OwnFile(0o2755, 0, 5)), {})
    kinds: dict[str, bool] = {}
    made = []
    for number, files in enumerate(items):
        kept = {path: content for path, content in sorted(files.items()) if _fits(path, content is None, kinds)}
        made.append(replace(make_item(top, f"item-{number}", kept), shown=usr))
    entries = tuple(
        Entry.file(f"/usr/{path}", b"over", 0o640)
        for path in over
        if path.split("/")[0] != "etc" and _fits(path, False, kinds)
    )
    source = LayerSource("x", tuple(made), entries)
    data = archive_of(source, Check())
    assert len(data) == tar_size(source)
    assert data == archive_of(source)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        seen: set[str] = set()
        for member in archive:
            assert member.name not in seen
            assert str(PurePosixPath(member.name).parent) in {".", *seen}
            seen.add(member.name)
        for item in made:
            for file in item.location.rglob("*") if item.location else ():
                relative = str(file.relative_to(item.location or "/"))
                if file.is_file() and not file.is_symlink():
                    stored = archive.extractfile(f"{str(item.path)[1:]}/{relative}")
                    assert stored is not None
                    assert stored.read() == file.read_bytes()
                assert (f"usr/{relative}" in seen) == (relative.split("/")[0] != "etc")


def _fits(path: str, directory: bool, kinds: dict[str, bool]) -> bool:
    """Whether a path can be in a tree with the others; it is, from then on."""
    above = [str(parent) for parent in PurePosixPath(path).parents][:-1]
    if any(kinds.get(one) is False for one in above) or kinds.get(path, directory) is not directory:
        return False
    if not directory and any(known.startswith(f"{path}/") for known in kinds):
        return False
    kinds.update(dict.fromkeys(above, True) | {path: directory})
    return True

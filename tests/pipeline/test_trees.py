"""Trees in images of a store's items, on a base and without one: what is where, and which layers move."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sysimage.closure import Closure
from sysimage.errors import SpecError
from sysimage.pipeline.history import History, what_is_replaced
from sysimage.trees.division import LEAST_SIZE
from sysimage.verify import verify_image
from tests.support.builds import build_from_store, registered
from tests.support.stores import make_item


@pytest.fixture
def spec(tmp_path: Path) -> dict[str, Any]:
    """A program from a store, and beside the spec a tree of three files."""
    tool = make_item(tmp_path / "store", "tool-1", {"bin/tool": b"#!", "share/doc": "doc"})
    registered(Closure([tool]), tmp_path / "registration")
    (tmp_path / "dist/lib").mkdir(parents=True)
    (tmp_path / "dist/run").write_text("#!/bin/sh\n")
    (tmp_path / "dist/run").chmod(0o755)
    (tmp_path / "dist/lib/data").write_text("data")
    (tmp_path / "dist/lib/link").symlink_to("data")
    source = {"paths": [str(tool.path)], "source": "registration", "location": "store"}
    return {"name": "shop", "from-store": source, "trees": {"/srv/shop": {"source": "dist"}}}


def members(image: Path) -> list[list[str]]:
    """What each layer has that follows from a tree, bottom first."""
    layers = []
    with tarfile.open(image) as archive:
        import json

        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        for name in manifest[0]["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(archive.extractfile(name).read())) as layer:  # type: ignore[union-attr]
                layers.append([_line(member) for member in layer if "srv/" in member.name or "tree-" in member.name])
    return layers


def _line(member: tarfile.TarInfo) -> str:
    parts = member.name.split("/")
    name = "/".join(["<item>", *parts[3:]]) if parts[0] == "gnu" else member.name
    link = f" = {member.linkname}" if member.islnk() else ""
    return f"{member.mode:04o} {member.uid}:{member.gid} {name}{link}"


def test_a_tree_is_a_layer_of_its_own_with_two_names_of_each_file(spec: dict[str, Any], tmp_path: Path) -> None:
    build_from_store(tmp_path, spec)
    verify_image(tmp_path / "shop.tar")
    (tree,) = filter(None, members(tmp_path / "shop.tar"))
    assert tree == [
        "0555 0:0 <item>",
        "0755 0:0 srv/shop",
        "0555 0:0 <item>/lib",
        "0755 0:0 srv/shop/lib",
        "0444 0:0 srv/shop/lib/data",
        "0444 0:0 <item>/lib/data = srv/shop/lib/data",
        "0777 0:0 <item>/lib/link",
        "0777 0:0 srv/shop/lib/link",
        "0555 0:0 srv/shop/run",
        "0555 0:0 <item>/run = srv/shop/run",
    ]


def test_a_tree_with_an_owner_is_copies_in_the_same_layer(spec: dict[str, Any], tmp_path: Path) -> None:
    spec["users"] = {"shop": {"uid": 1007}}
    spec["trees"]["/srv/shop"] |= {"owner": "shop", "mode": "0640"}
    build_from_store(tmp_path, spec)
    verify_image(tmp_path / "shop.tar")
    tree, _ = filter(None, members(tmp_path / "shop.tar"))
    assert [line for line in tree if "<item>" not in line] == [
        "0750 1007:0 srv/shop",
        "0750 1007:0 srv/shop/lib",
        "0640 1007:0 srv/shop/lib/data",
        "0777 1007:0 srv/shop/lib/link",
        "0750 1007:0 srv/shop/run",
    ]
    assert not [line for line in tree if " = " in line]


@pytest.mark.parametrize("more", [{}, {"owner": "daemon", "group": "daemon"}])
def test_a_release_moves_the_trees_layer_and_the_customization(
    more: dict[str, str], spec: dict[str, Any], tmp_path: Path
) -> None:
    spec["trees"]["/srv/shop"] |= more
    before = {layer.diff_id: layer.label for layer in build_from_store(tmp_path, spec).written.image.layers}
    (tmp_path / "dist/lib/data").write_text("other")
    after = build_from_store(tmp_path, spec).written.image.layers
    moved = [layer.label.partition(":")[0] for layer in after if layer.diff_id not in before]
    assert moved == ["tree-srv-shop", "customization"]


def test_trees_may_be_one_in_another_and_what_the_spec_declares_is_over_both(
    spec: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more/x").write_text("x")
    spec["trees"]["/srv/shop/lib/more"] = {"source": "more"}
    spec["files"] = {"/srv/shop/lib/data": {"text": "declared"}}
    spec["directories"] = {"/srv/shop/uploads": {"mode": "0770"}}
    build_from_store(tmp_path, spec)
    verify_image(tmp_path / "shop.tar")
    everything = [line for layer in members(tmp_path / "shop.tar") for line in layer]
    assert "0444 0:0 srv/shop/lib/more/x" in everything
    assert "0770 0:0 srv/shop/uploads" in everything
    assert [line for line in everything if line.endswith("0:0 srv/shop/lib/data")] == [
        "0444 0:0 srv/shop/lib/data",
        "0644 0:0 srv/shop/lib/data",
    ]


@pytest.mark.parametrize("most", [1, 2])
def test_where_layers_are_few_a_tree_shares_one(most: int, spec: dict[str, Any], tmp_path: Path) -> None:
    result = build_from_store(tmp_path, {**spec, "max-layers": most})
    verify_image(tmp_path / "shop.tar")
    assert len(result.written.image.layers) == most


def test_a_tree_on_a_base_is_one_layer_and_the_base_stays(spec: dict[str, Any], tmp_path: Path) -> None:
    del spec["trees"]
    base = build_from_store(tmp_path, {**spec, "name": "base"}).written.image.layers
    (tmp_path / "page").mkdir()
    (tmp_path / "page/index.html").write_text("page")
    top = {**spec, "from-image": "base.tar", "trees": {"/srv/page": {"source": "page"}}}
    layers = build_from_store(tmp_path, top).written.image.layers
    verify_image(tmp_path / "shop.tar")
    assert [one.diff_id for one in layers[: len(base)]] == [one.diff_id for one in base]
    assert "0444 0:0 srv/page/index.html" in members(tmp_path / "shop.tar")[len(base)]


def test_places_that_are_the_systems_or_anothers_are_refused_all_at_once(spec: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (tmp_path / "clash").mkdir()
    (tmp_path / "clash/data").write_text("x")
    (tmp_path / "clash/link").mkdir()
    (tmp_path / "clash/link/x").write_text("x")
    spec["trees"] |= {"/etc": {"source": "root/etc"}, "/srv/shop/lib": {"source": "clash"}}
    spec["files"] = {"/srv/shop/run/below": {"text": ""}}
    with pytest.raises(SpecError, match="cannot put the trees of shop into the image") as caught:
        build_from_store(tmp_path, spec)
    assert [str(issue) for issue in caught.value.issues] == [
        '/trees/~1etc: /etc/passwd is made from what "users" says',
        "/trees/~1srv~1shop: has a file at /srv/shop/run, and /files/~1srv~1shop~1run~1below has something below",
        "/trees/~1srv~1shop~1lib: has a file at /srv/shop/lib/data, and so has /trees/~1srv~1shop",
        "/trees/~1srv~1shop~1lib: has a directory at /srv/shop/lib/link, /trees/~1srv~1shop a link",
    ]


@pytest.mark.parametrize("more", [{}, {"owner": "daemon", "group": "daemon"}])
def test_a_tree_is_divided_when_its_directories_change_apart(
    more: dict[str, str], spec: dict[str, Any], tmp_path: Path
) -> None:
    spec["trees"]["/srv/shop"] |= more
    (tmp_path / "dist/lib/large").write_bytes(bytes(LEAST_SIZE))
    moved = []
    before: set[str] = set()
    record = None
    for text in ("one", "two", "three"):
        (tmp_path / "dist/run").write_text(text)
        result = build_from_store(tmp_path, spec, history=History(previous=record))
        verify_image(tmp_path / "shop.tar")
        record = what_is_replaced(tmp_path / "shop.tar", (), "linux/amd64", lambda name: None)
        layers = result.written.image.layers
        moved.append(sorted(layer.label.partition(":")[0] for layer in layers if str(layer.diff_id) not in before))
        before = {str(layer.diff_id) for layer in layers}
        everything = {line.split(" ", 2)[2] for layer in members(tmp_path / "shop.tar") for line in layer}
        assert {"srv/shop/run", "srv/shop/lib/large", "srv/shop/lib/link"} <= {
            one.split(" = ")[0] for one in everything
        }
    assert moved == [
        ["customization", "tool-1", "tree-srv-shop, tree-srv-shop+lib"],
        ["customization", "tree-srv-shop", "tree-srv-shop+lib"],
        ["customization", "tree-srv-shop"],
    ]

"""Files of trees in a system of packages: what they replace, and what stays in their way."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import SpecError
from sysimage.rootfs.accounts import Accounts, Group, User
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.spec import parse_spec
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.trees.items import TreeStore
from sysimage.trees.place import with_trees
from sysimage_bootstrap.store import ItemStore
from tests.support.stores import make_item

ACCOUNTS = Accounts((User("root", 0, 0), User("web", 7, 7)), (Group("root", 0), Group("web", 7)))


@pytest.fixture(autouse=True)
def page(tmp_path: Path) -> None:
    """A tree with a page, as a Dockerfile copies it over that of a web server."""
    (tmp_path / "html/icons").mkdir(parents=True)
    (tmp_path / "html/index.html").write_text("ours")
    (tmp_path / "html/icons/logo").write_text("logo")


def placed(top: Path, package: dict[str, str | bytes], **tree: Any) -> SystemResult:
    """A system with one package in ``/usr``, and the tree in its ``share/web``."""
    item = replace(make_item(top, "server-1", package), shown=ShownFiles())
    system = SystemResult(item.path, None, (item,), None, (), ImageDefaults((), (), None, {}))
    trees = {"/usr/share/web": {"source": "html", **tree}}
    spec = parse_spec(json.dumps({"name": "web", "packages": ["server"], "users": {"web": {}}, "trees": trees}))
    return with_trees(spec, top, system, ACCOUNTS, TreeStore(ItemStore(top / "store", "/gnu/store"), top / "memory"))


def tree_of(system: SystemResult) -> StoreItem:
    (tree,) = (item for item in system.items if "tree" in item.path.name)
    return tree


def test_a_file_of_a_tree_replaces_a_package_s_in_usr(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    system = placed(tmp_path, {"share/web/index.html": "theirs", "share/web/icons/other": ""})
    (entry,) = system.entries
    assert (entry.path, entry.mode, entry.uid, entry.item) == ("/usr/share/web/index.html", 0o644, 0, None)
    assert isinstance(entry.content, Path)
    assert entry.content.read_text() == "ours"
    shown = tree_of(system).shown
    assert shown is not None
    assert shown.left_out == ("index.html",)
    assert (
        "/usr/share/web/index.html is the file of the tree /usr/share/web, instead of that of server-1" in caplog.text
    )


def test_a_copy_that_replaces_a_package_s_file_is_over_the_layers_of_items(tmp_path: Path) -> None:
    system = placed(tmp_path, {"share/web/index.html": "theirs"}, owner="web", mode="0600")
    found = {entry.path: (entry.mode, entry.uid, entry.item) for entry in system.entries}
    of_tree = tree_of(system).path
    assert found == {
        "/usr/share/web": (0o700, 7, None),
        "/usr/share/web/icons": (0o700, 7, None),
        "/usr/share/web/icons/logo": (0o600, 7, of_tree),
        "/usr/share/web/index.html": (0o600, 7, None),
    }


@pytest.mark.parametrize(
    ("package", "fault"),
    [
        ({"share/web/index.html/x": ""}, "has a file at /usr/share/web/index.html, where server-1 has one"),
        ({"share/web/icons": ""}, "has a directory at /usr/share/web/icons, where server-1 has one"),
    ],
)
def test_a_file_and_a_directory_at_one_path_are_refused(
    package: dict[str, str | bytes], fault: str, tmp_path: Path
) -> None:
    with pytest.raises(SpecError) as caught:
        placed(tmp_path, package)
    assert [issue.message for issue in caught.value.issues] == [fault]

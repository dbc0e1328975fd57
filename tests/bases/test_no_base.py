"""An image without a base begins with an empty one, and comes out as if no check had looked at it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysimage import bases
from sysimage.bases import NO_BASE
from sysimage.blobs import BlobDirectory
from sysimage.image import config_of_spec
from sysimage.layerplan import plan_layers
from sysimage.rootfs.customization import customization
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec import SystemSpec, parse_spec
from tests.support.images import BuiltImage, build_image

DEFAULTS = ImageDefaults(("/boot",), ("/system",), "SIGTERM", {"PATH": "/bin", "LANG": "C.UTF-8"})


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return build_image(tmp_path_factory.mktemp("small"))


def spec(**parts: object) -> SystemSpec:
    return parse_spec(json.dumps({"name": "x", "packages": [], **parts}))


def test_nothing_of_a_plan_or_a_closure_is_left_out(small: BuiltImage) -> None:
    plan = plan_layers(small.closure, 5)
    assert bases.without_items_of(NO_BASE, plan, small.closure) == plan
    assert bases.merged(small.closure, NO_BASE, spec().store) is small.closure, "derivers too"


def test_layers_have_nothing_below_them(small: BuiltImage, tmp_path: Path) -> None:
    assert bases.stacked(NO_BASE, small.image.layers) == small.image.layers
    bases.copy_layers(NO_BASE, BlobDirectory(tmp_path))
    assert list(tmp_path.rglob("*")) == []
    bases.check_room(NO_BASE, 1)
    assert bases.base_history(NO_BASE) == []


@pytest.mark.parametrize("database", [True, False])
def test_the_tree_is_the_customization_itself(small: BuiltImage, database: bool) -> None:
    asked = spec(store={"database": database})
    entries = (Entry.directory("/", 0o711, owner="directories"), Entry.symlink("/bin", "usr/bin"))
    system = SystemResult(small.closure.roots[0], None, small.closure.items, None, entries, DEFAULTS)
    alone = customization(asked, system, small.closure, small.closure, accounts=())
    on_nothing = bases.customization_on(NO_BASE, asked, system, small.closure)
    assert tuple(on_nothing) == tuple(alone)
    assert any(entry.path.endswith("/db/db.sqlite") for entry in alone) == database


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {
            "working-directory": "/srv",
            "command": ["/x"],
            "user": "daemon",
            "exposed-ports": ["80", "53/udp"],
            "volumes": ["/b", "/a"],
        },
        {"labels": {"b": "2", "a": "1"}, "health-check": {"command": ["/x"]}, "environment": {"PATH": "/x"}},
    ],
)
def test_the_configuration_says_what_the_spec_says(parts: dict[str, object]) -> None:
    asked = spec(**parts)
    config = config_of_spec(asked, DEFAULTS, 7)
    whole = bases.overlaid(config, NO_BASE, asked).as_json((), (), 0)
    assert whole["config"]["WorkingDir"] == parts.get("working-directory", "/")
    del whole["config"]["WorkingDir"]
    alone = config.as_json((), (), 0)
    alone["config"].pop("WorkingDir", None)
    assert whole == alone


def test_there_are_no_directories_accounts_or_variables_to_add_to() -> None:
    assert not NO_BASE.has_directory("/usr")
    assert NO_BASE.accounts is None
    assert bases.variables_of(NO_BASE) == {}

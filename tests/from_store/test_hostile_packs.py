"""Whatever text a spec says, the whole image has exactly it: in its config, in its layers, and for the verifier."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from sysimage.characters import is_line
from sysimage.errors import SpecError
from sysimage.verify import verify_image
from tests.support.builds import build_from_store, config_of, registered
from tests.support.full_specs import HOSTILE, PLAIN, said_everywhere, text_places, without_refused
from tests.support.store_builder import StoreBuilder, small_system

KEPT = ("users", "groups", "files", "directories", "symlinks", "environment", "labels", "volumes", "command")
WORDS = [text for text in HOSTILE if is_line(text) and "/" not in text and len(text) < 100]
TEXTS = {
    "a line": "".join(WORDS),
    "a path": f"/srv/{''.join(WORDS)}",
    "a field": f"/srv/{''.join(text for text in WORDS if ':' not in text)}",
    "lines": "".join(HOSTILE[:60]).translate({0: None} | dict.fromkeys(range(0xD800, 0xE000))),
    "another account": "/srv\nevil:x:0:0::/root:/bin/sh",
}


CASES = [*((name, False) for name in TEXTS), ("a line", True), ("a path", True)]


@pytest.mark.parametrize(("name", "as_keys"), CASES)
def test_an_image_says_what_the_spec_says(name: str, as_keys: bool, tmp_path: Path) -> None:
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    source: dict[str, Any] = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    source["links"] = {"/bin/bash": "profile/bin/bash"}  # ann's shell
    program = f"{closure.roots[0]}/boot"
    spec = {"name": "pack", "from-store": source, "entry-point": [program], **{key: PLAIN[key] for key in KEPT}}
    text = TEXTS[name]
    places = [place for place in text_places(spec) if place.is_key is as_keys and place.place[0] in KEPT]
    while True:
        said, _, places = said_everywhere(spec, text, places)
        try:
            result = build_from_store(tmp_path, said)
            break
        except SpecError as error:
            places = without_refused(places, text, error)
    assert places
    assert verify_image(tmp_path / "pack.tar").items == len(closure)
    config = config_of(result)
    assert {f"{key}={value}" for key, value in said["environment"].items()} <= set(config["config"]["Env"])
    assert config["config"]["Labels"] == said["labels"]
    assert config["config"]["Cmd"] == said["command"]
    assert config["config"]["Volumes"].keys() == set(said["volumes"])
    members = top_layer(tmp_path / "pack.tar")
    assert {*said["files"], *said["directories"], *said["symlinks"]} <= members.keys()
    assert {path: members[path].linkname for path in said["symlinks"]} == said["symlinks"]


def top_layer(archive: Path) -> dict[str, tarfile.TarInfo]:
    """Image path → what the standard library reads there."""
    with tarfile.open(archive) as outer:
        (entry,) = json.load(outer.extractfile("manifest.json") or io.BytesIO())
        with tarfile.open(fileobj=outer.extractfile(entry["Layers"][-1]), errors="surrogateescape") as layer:
            return {f"/{member.name}": member for member in layer}

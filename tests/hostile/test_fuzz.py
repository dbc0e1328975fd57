"""Whatever is changed in an image, with digests made to fit again: an answer or a refusal, never a crash."""

from __future__ import annotations

import contextlib
import gzip
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.errors import IntegrityError
from sysimage.verify import inspect_image, verify_image
from tests.support.images import build_image
from tests.support.raw_image import CONFIG, RawImage, descriptor, dump, write_directory

Edit = tuple[float, bytes, int]
edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=8), st.integers(0, 8)), min_size=1, max_size=4
)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], dict[str, Any]]:
    """The layers of the small system as plain tars, without its one large file's layer; and its config."""
    built = build_image(tmp_path_factory.mktemp("built"), max_layers=4)
    layers = [gzip.decompress(built.blobs.path(one.descriptor.digest).read_bytes()) for one in built.image.layers]
    return [layer for layer in layers if len(layer) < 1 << 20], json.loads(built.image.config.data)


def edited(data: bytes, changes: list[Edit]) -> bytes:
    for place, replacement, removed in changes:
        at = int(place * len(data))
        data = data[:at] + replacement + data[at + removed :]
    return data


def answer(image: RawImage) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = write_directory(image.layout(), Path(directory))
        for look in (verify_image, inspect_image):
            with contextlib.suppress(IntegrityError):
                look(path)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(edits, st.integers(0, 10))
def test_a_layer_with_a_few_bytes_changed(
    parts: tuple[list[bytes], dict[str, Any]], changes: list[Edit], number: int
) -> None:
    layers, config = parts
    chosen = number % len(layers)
    changed = [edited(layer, changes) if index == chosen else layer for index, layer in enumerate(layers)]
    config = {key: value for key, value in config.items() if key not in ("rootfs", "history")}
    answer(RawImage(*changed, config=config))


@settings(max_examples=60, deadline=None)
@given(edits, st.sampled_from(["config", "manifest"]))
def test_a_document_with_a_few_bytes_changed(
    parts: tuple[list[bytes], dict[str, Any]], changes: list[Edit], which: str
) -> None:
    layers, config = parts
    image = RawImage(*layers, config={"config": config["config"]})
    if which == "config":
        image.config = edited(dump(image.config), changes)
    else:
        files = image.layout()
        manifest = next(data for data in files.values() if b'"config": {"mediaType"' in data)
        image.manifest = edited(manifest, changes)
    answer(image)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.just([])
    | st.just({}),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FIELDS = [
    "architecture",
    "os",
    "created",
    "history",
    "rootfs",
    "rootfs.type",
    "rootfs.diff_ids",
    "config",
    "config.Env",
    "config.Cmd",
    "config.Entrypoint",
    "config.Labels",
    "config.User",
    "config.WorkingDir",
    "config.Volumes",
    "config.ExposedPorts",
    "config.StopSignal",
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FIELDS), json_values)
def test_a_config_with_one_field_of_any_type(parts: tuple[list[bytes], dict[str, Any]], name: str, value: Any) -> None:
    layers, config = parts
    image = RawImage(*layers, config={"config": config["config"]})
    *above, last = name.split(".")
    owner = image.config
    for key in above:
        owner[key] = dict(owner[key])
        owner = owner[key]
    owner[last] = value
    answer(image)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["mediaType", "digest", "size", "annotations", "urls", "platform"]), json_values, st.booleans())
def test_a_descriptor_with_one_field_of_any_type(
    parts: tuple[list[bytes], dict[str, Any]], name: str, value: Any, of_config: bool
) -> None:
    layers, _ = parts
    image = RawImage(*layers)
    if of_config:
        image.manifest_changes = {"config": descriptor(dump(image.config), CONFIG, **{name: value})}
    else:
        image.descriptor_changes = {name: value}
    answer(image)

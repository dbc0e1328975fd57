"""Capabilities of copied contents: written as every engine reads them, named where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.errors import SpecError
from sysimage.spec.parse import parse_spec
from sysimage.verify import verify_image
from tests.clients.conftest import IS_ROOT
from tests.support.builds import build_from_store, registered
from tests.support.store_builder import Program, StoreBuilder

RAW = bytes.fromhex("0100000200200000000000000000000000000000")
"""What setcap writes for cap_net_raw+ep."""


def spec_with(tmp_path: Path, **content: object) -> dict[str, object]:
    store = StoreBuilder(tmp_path / "store")
    store.add("ping-1", {"bin": {"ping": Program("#!/bin/sh\n")}, "share": {"x": {}}})
    closure = store.closure("ping-1")
    registered(closure, tmp_path / "registration")
    source = {
        "contents": [{"path": str(closure.roots[0]), "copy": True, **content}],
        "source": "registration",
        "location": "store",
    }
    return {"name": "ping", "from-store": source, "compression": "none"}


@pytest.mark.programs
def test_a_copy_has_them_in_the_layer_and_where_it_is_unpacked(tmp_path: Path) -> None:
    import os

    from tests.support.namespaces import unpack

    result = build_from_store(tmp_path, spec_with(tmp_path, capabilities={"bin/ping": "cap_net_raw+ep"}))
    assert result.planned.tree["/bin/ping"].capabilities == RAW
    verify_image(tmp_path / "ping.tar")
    record = b"SCHILY.xattr.security.capability=" + RAW + b"\n"
    assert (tmp_path / "ping.tar").read_bytes().count(record) == 1
    with unpack(tmp_path / "ping.tar") as files:
        if IS_ROOT:
            assert os.getxattr(files.root / "bin/ping", "security.capability") == RAW
    plain = build_from_store(tmp_path, spec_with(tmp_path / "other"), output=tmp_path / "plain.tar")
    assert plain.written.digest != result.written.digest


def test_every_fault_is_at_its_place(tmp_path: Path) -> None:
    wrong = {"bin/pong": "cap_net_raw+ep", "share/x": "cap_net_raw+ep", "bin/ping": "cap_flying+ep"}
    with pytest.raises(SpecError) as caught:
        build_from_store(tmp_path, spec_with(tmp_path, capabilities=wrong))
    said = [str(issue).partition("/gnu/store")[0] for issue in caught.value.issues]
    assert said == [
        "/from-store/contents/0/capabilities/bin~1pong: ",
        "/from-store/contents/0/capabilities/share~1x: ",
        "/from-store/contents/0/capabilities/bin~1ping: there is no capability 'cap_flying'",
    ]
    import json

    links = spec_with(tmp_path / "links", copy=False, capabilities={"bin/ping": "cap_net_raw+ep"})
    with pytest.raises(SpecError) as caught:
        parse_spec(json.dumps(links), tmp_path / "system.json")
    assert 'say "copy": true' in str(caught.value.issues)

"""A text of capabilities becomes the attribute that setcap would write for it."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import pytest

from sysimage.process import find
from sysimage.rootfs.capabilities import NAMES, file_capabilities
from tests.clients.conftest import IS_ROOT

RAW = bytes.fromhex("0100000200200000000000000000000000000000")
"""What setcap writes for cap_net_raw+ep."""


@pytest.mark.parametrize("text", ["cap_net_raw+ep", "cap_net_raw=ep", "cap_net_raw+pe"])
def test_a_text_is_what_setcap_makes_of_it(text: str) -> None:
    assert file_capabilities(text) == RAW


def test_every_capability_has_its_number() -> None:
    for number, name in enumerate(NAMES):
        _, permitted, _, permitted_high, _ = struct.unpack("<5I", file_capabilities(f"cap_{name}+p"))
        assert permitted | permitted_high << 32 == 1 << number
    both = file_capabilities("cap_chown,cap_checkpoint_restore+p")
    assert both == bytes.fromhex("00000002 01000000 00000000 00010000 00000000")
    assert file_capabilities("cap_kill+i") == bytes.fromhex("00000002 00000000 20000000 00000000 00000000")


def test_what_is_inheritable_can_be_in_effect_too() -> None:
    assert file_capabilities("cap_kill+ei") == bytes.fromhex("01000002 00000000 20000000 00000000 00000000")
    assert file_capabilities("cap_bpf+eip") == bytes.fromhex("01000002 00000000 00000000 80000000 80000000")


@pytest.mark.programs
@pytest.mark.skipif(not IS_ROOT, reason="only root gives capabilities to files")
@pytest.mark.parametrize("text", ["cap_net_raw+ep", "cap_setgid,cap_setuid=ep", "cap_kill+ei", "cap_bpf,cap_chown+eip"])
def test_setcap_agrees(text: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    subprocess.run([find("setcap", package="libcap2-bin"), text, file], check=True)
    assert os.getxattr(file, "security.capability") == file_capabilities(text)


def test_unknown_capabilities_are_refused() -> None:
    for text in ("cap_flying+ep", "net_raw+ep", "cap_net_raw", "cap_net_raw+x", "", "cap_chown+e"):
        with pytest.raises(ValueError, match="capabilit"):
            file_capabilities(text)

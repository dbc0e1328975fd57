"""What this machine is, in the words of images."""

from __future__ import annotations

import os

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""The kernel's word → the image's."""


def host_platform() -> str:
    """This machine, as images call it: ``linux/amd64``."""
    machine = os.uname().machine
    return f"linux/{_ARCHITECTURES.get(machine, machine)}"

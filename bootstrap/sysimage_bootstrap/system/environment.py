"""The environment of an image: what the init, every service and ``docker exec`` start from."""

from __future__ import annotations

from collections.abc import Mapping

from sysimage.spec.model import SystemSpec

PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
"""Programs are looked up here, in this order."""


def image_environment(spec: SystemSpec) -> Mapping[str, str]:
    """Name → value: ours, with the spec's in their place or after them.

    Root may write to the store of a running container, and Python would: it is told not to. Byte code of everything in
    the store is there already.
    """
    ours = {"PATH": ":".join(PATH), "LANG": spec.locale, "PYTHONDONTWRITEBYTECODE": "1"}
    return {**ours, **dict(sorted(spec.environment.items()))}

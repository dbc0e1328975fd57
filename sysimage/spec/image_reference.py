"""Which texts are names of images in registries, and not paths."""

from __future__ import annotations


def is_registry_name(text: str) -> bool:
    """Whether a text has a registry's host in front, by the rule that engines have for it: a dot, a port, or
    ``localhost``. A path may look the same: an existing file takes precedence."""
    if text.startswith("docker://"):
        return True
    host, slash, _ = text.partition("/")
    return bool(slash and host) and not text.startswith(".") and ("." in host or ":" in host or host == "localhost")

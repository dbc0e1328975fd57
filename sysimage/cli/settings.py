"""How this machine and the package archive are used, by flags."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sysimage.cli.terminal import Terminal

if TYPE_CHECKING:
    from sysimage.api.settings import Settings


def settings(arguments: argparse.Namespace, terminal: Terminal) -> Settings:
    """The settings that the flags of `sysimage.cli.flags` give; flags that a verb does not have change nothing."""
    from sysimage.api.settings import Settings

    given = vars(arguments)
    apt_root = given.get("apt_root")
    return Settings(
        cache_dir=given.get("cache_dir"),
        jobs=given.get("jobs"),
        keep_layers=not given.get("no_cache"),
        cache_size=given.get("cache_size") or None,
        offline=bool(given.get("offline")),
        archive=given.get("archive"),
        security_archive=given.get("security_archive"),
        **({} if apt_root is None else {"apt_root": apt_root}),
        keyring=given.get("keyring"),
        allow_expired=bool(given.get("allow_expired")),
        allow_rollback=bool(given.get("allow_rollback")),
        plain_http=tuple(given.get("plain_http") or ()),
        registry_ca=given.get("registry_ca"),
        environ=terminal.environ,
    )

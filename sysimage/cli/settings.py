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
    return Settings(
        cache_dir=arguments.cache_dir,
        jobs=given.get("jobs"),
        keep_layers=not given.get("no_cache"),
        cache_size=given.get("cache_size") or None,
        offline=arguments.offline,
        archive=arguments.archive,
        security_archive=arguments.security_archive,
        apt_root=arguments.apt_root,
        keyring=arguments.keyring,
        allow_expired=arguments.allow_expired,
        allow_rollback=arguments.allow_rollback,
        plain_http=tuple(given.get("plain_http") or ()),
        registry_ca=given.get("registry_ca"),
        environ=terminal.environ,
    )

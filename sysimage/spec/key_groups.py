"""The keys of system.json in groups, in the order in which people need them."""

from __future__ import annotations

from collections.abc import Mapping

KEY_GROUPS: Mapping[str, tuple[str, ...]] = {
    "What the image is called": ("name", "tags", "labels", "architecture", "architectures", "$schema"),
    "What is in it": (
        *("packages", "python", "node", "java", "from-store", "from-image", "exclude", "alternatives", "debconf"),
        *("package-sources", "essential", "slim", "translations", "store"),
    ),
    "What it runs": (
        *("init", "services", "enable", "units", "entry-point", "command", "user", "working-directory", "environment"),
        *("exposed-ports", "volumes", "stop-signal", "health-check"),
    ),
    "Files": (*("files", "trees", "directories", "symlinks", "privileged-programs", "capabilities", "allow-secrets"),),
    "Accounts and settings": ("users", "groups", "host-name", "time-zone", "locale"),
    "Layers": ("max-layers", "layer-groups", "compression"),
    "One spec, many images": ("include", "arguments", "variants"),
}
"""Heading → keys."""

"""Debian's merged /usr: which directories at the top are links into it."""

from __future__ import annotations

LINKS_TO_USR = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
"""Names of links at the top of a system, each to the directory of its name in /usr; sorted."""

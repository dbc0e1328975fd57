"""How large what is in an image may be, where readers of images or the kernel set the limit."""

from __future__ import annotations

DOCUMENT_SIZE = 4 << 20
"""Bytes of a manifest, index, config or ``manifest.json``; what the containers libraries accept."""
MOST_LAYERS = 125
"""Layers of an image that every engine loads."""
ENTRIES = 2_000_000
"""Entries of all layers together."""
UNCOMPRESSED_SIZE = 64 << 30
"""Bytes of all layers together, decompressed."""
PATH_LENGTH = 4095
"""Bytes of a path, its first slash included, and of what a link says (PATH_MAX without the NUL)."""
COMPONENT_LENGTH = 255
"""Bytes of one component of a path (NAME_MAX)."""
DEPTH = 255
"""Components of one path."""
ENVIRONMENT = 1 << 20
"""Bytes of all variables: the kernel would not start a program with many more."""
WORD = (128 << 10) - 1
"""Bytes of one variable or argument, which ends with a NUL (MAX_ARG_STRLEN of Linux)."""
IDENTIFIER = 2**31 - 1
"""The largest user or group ID that engines take."""
STORE_DATABASE = 512 << 20
"""Bytes of the store's database."""

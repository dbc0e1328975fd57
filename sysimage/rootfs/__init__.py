"""The file tree of an image as a value."""

from sysimage.rootfs.tree import Entry, Kind, Tree, TreeError

__all__ = ["Entry", "Kind", "Tree", "TreeError"]

"""The file tree of an image as a value, and what surrounds the store in it."""

from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.tree import Entry, Kind, RootTree, TreeError

__all__ = ["Accounts", "Entry", "Kind", "RootTree", "TreeError"]

"""Blobs: media types, descriptors, and directories that hold blobs under their digests."""

from sysimage.blobs.descriptor import Descriptor
from sysimage.blobs.directory import BlobDirectory, BlobWriter

__all__ = ["BlobDirectory", "BlobWriter", "Descriptor"]

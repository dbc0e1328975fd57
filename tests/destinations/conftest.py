"""What tests of destinations may ask of the disk."""

from tests.support.on_disk import disk

__all__ = ["disk"]

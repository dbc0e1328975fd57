"""What holds for every test of files."""

from tests.support.descriptors import nothing_is_left_open
from tests.support.on_disk import disk

__all__ = ["disk", "nothing_is_left_open"]

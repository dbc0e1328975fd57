"""What holds for every test of hostile images."""

from tests.support.descriptors import nothing_is_left_open

__all__ = ["nothing_is_left_open"]

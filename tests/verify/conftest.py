"""What holds for every test of the verifier."""

from tests.support.descriptors import nothing_is_left_open

__all__ = ["nothing_is_left_open"]

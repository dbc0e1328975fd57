"""Asks the rules of images before anything of an image is written, and says which place of the spec is the cause."""

from sysimage.preflight.check import ImageDraft, check_draft, check_layers

__all__ = ["ImageDraft", "check_draft", "check_layers"]

"""What the user says: system.json, its model, its faults and its JSON Schema."""

from sysimage.spec.model import SystemSpec
from sysimage.spec.parse import parse_spec, read_spec

__all__ = ["SystemSpec", "parse_spec", "read_spec"]

"""What a verb reads, by its arguments: nothing of it may be written over."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from sysimage.pipeline.output_checks import Input


def spec_input(argument: str) -> Input:
    """The spec itself."""
    return Input("the spec", Path(argument) if argument != "-" else _standard_input())


def flag_inputs(arguments: argparse.Namespace) -> Iterator[Input]:
    """What flags name to be read."""
    for flag in ("previous", "history", "together_with", "keyring", "registry_ca", "image", "expect"):
        value = getattr(arguments, flag, None)
        for one in value if isinstance(value, list) else [value] if value is not None else []:
            what = f"what --{flag.replace('_', '-')} names" if flag != "image" else "the image"
            yield Input(what, Path(one), whole=(Path(one) / "oci-layout").is_file())


def _standard_input() -> int:
    try:
        return sys.stdin.fileno()
    except (OSError, ValueError):  # standard input is closed
        return -1

"""What a derivation makes: the beginning of its text, in the form of ATerms that Nix and Guix write.

Derive([("dev","/nix/store/…-x-dev","",""),("out","/nix/store/…-x","","")],[("/nix/store/….drv",["out"])],…
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from sysimage.store.paths import StorePath

SUFFIX = ".drv"
_BEGIN = re.compile(r'(?:Derive\(|DrvWithVersion\("(?:[^"\\]|\\.)*",)\[')
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def outputs_of(path: StorePath, place: Path) -> tuple[tuple[str, StorePath], ...]:
    """Name and path of each output of the derivation at ``place``, sorted; empty for any other item.

    An output whose path is known only when it is built has none.
    """
    if not path.name.endswith(SUFFIX) or place.is_symlink() or not place.is_file():
        return ()
    try:
        return parse_outputs(place.read_bytes())
    except ValueError:
        return ()


def parse_outputs(data: bytes) -> tuple[tuple[str, StorePath], ...]:
    """The same of a derivation's text. A ValueError for any other text."""
    text = data.decode("utf-8", "surrogateescape")
    begin = _BEGIN.match(text)
    if begin is None:
        raise ValueError("not a derivation")
    at = begin.end()
    outputs: dict[str, StorePath] = {}
    while not text.startswith("]", at):
        fields = []
        for before in ("(", ",", ",", ","):
            match = _STRING.match(text, at + 1) if text.startswith(before, at) else None
            if match is None:
                raise ValueError("an output is not four texts")
            fields.append(_unescaped(match[1]))
            at = match.end()
        if not text.startswith((")]", "),("), at):
            raise ValueError("the list of outputs does not end")
        at += 1 + text.startswith(",", at + 1)
        if fields[0] in outputs:
            raise ValueError("two outputs have one name")
        with suppress(ValueError):  # an output whose path is not known yet has an empty one
            outputs[fields[0]] = StorePath.parse(fields[1])
    return tuple(sorted(outputs.items()))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text, flags=re.DOTALL)

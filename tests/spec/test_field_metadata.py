"""What is known of a field is found wherever it is: at the top, in objects, arrays and names that a spec chooses."""

from __future__ import annotations

from typing import Annotated

from sysimage.spec.field_metadata import ANY, INSIDE, SPEC_PATH, WHOLE, marked
from sysimage.spec.spec_object import SpecObject


class Part(SpecObject):
    source_file: Annotated[str | None, INSIDE] = None
    words: Annotated[tuple[str, ...], WHOLE] = ()


class Everything(SpecObject):
    own: Annotated[str, INSIDE]
    part: Part | None
    parts: tuple[Part, ...]
    by_name: dict[str, Part | str]
    each: tuple[Annotated[str, INSIDE], ...]
    inside: dict[str, Annotated[tuple[Part, ...], "another mark"]]


def test_a_mark_is_found_wherever_its_field_is() -> None:
    assert marked(Everything, INSIDE) == (
        ("own",),
        ("part", "source-file"),
        ("parts", ANY, "source-file"),
        ("by-name", ANY, "source-file"),
        ("each", ANY),
        ("inside", ANY, ANY, "source-file"),
    )
    assert marked(Everything, WHOLE) == (
        ("part", "words"),
        ("parts", ANY, "words"),
        ("by-name", ANY, "words"),
        ("inside", ANY, ANY, "words"),
    )
    assert marked(Everything, SPEC_PATH) == ()

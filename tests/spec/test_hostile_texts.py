"""Whatever text is given for a key: it is refused there, or it is exactly what the spec says."""

from __future__ import annotations

import json

import pytest

from sysimage.characters import is_line
from sysimage.errors import SpecError
from sysimage.spec import parse_spec
from tests.support.full_specs import HOSTILE, SOUND, Place, said_everywhere, text_places

MAY_HOLD_ANYTHING = {"command", "environment", "labels", "text", "entry-point", "$schema"}
"""Keys whose values are written where every character can be: arguments, variables, labels, contents."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOUND)
def test_a_hostile_text_is_refused_at_its_place_or_written_exactly(kind: str) -> None:
    wanted = text_places(SOUND[kind])
    assert said_everywhere(SOUND[kind], "", [])[2] == []
    for text in HOSTILE:
        _, spec, places = said_everywhere(SOUND[kind], text, wanted)
        said = spec.model_dump(mode="json", by_alias=True)
        assert [place for place in places if not place.says(said, text)] == []
        odd = [place for place in places if not is_line(text) and not (may_hold(place.place) and not place.is_key)]
        assert odd == [], text


def may_hold(place: Place) -> bool:
    return any(step in MAY_HOLD_ANYTHING for step in place)


def test_every_text_that_the_author_chooses_is_tried() -> None:
    """Some are as long as the specs of which the places are taken: the test above must not become empty."""
    booting = {(*place.place, "<key>") if place.is_key else place.place for place in text_places(SOUND["booting"])}
    assert booting >= {
        ("users", "app", "home"),
        ("users", "ann", "comment"),
        ("users", "<key>"),
        ("files", "<key>"),
        ("services", "web", "environment", "<key>"),
        ("services", "web", "ready", "address"),
        ("groups", "editors", "members", 0),
        ("store", "directory"),
        ("labels", "<key>"),
    }


def test_a_mebibyte_of_text_is_taken_or_refused_like_any_other() -> None:
    text = "x" * 2**20
    spec = {"name": "x", "packages": [], "users": {"ann": {"comment": text}}, "environment": {"A": text}}
    assert parse_spec(json.dumps(spec)).users["ann"].comment == text
    with pytest.raises(SpecError, match="/users/ann/home: must be an absolute path") as caught:
        parse_spec(json.dumps({**spec, "users": {"ann": {"home": text}}}))
    assert len(str(caught.value)) < 1000

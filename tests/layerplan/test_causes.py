"""Which items change for one cause: by their source, by the steps in which they changed, and by a common word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sysimage.closure import Closure
from sysimage.layerplan.causes import Causes, find_causes, first_word
from sysimage.layerplan.changes import Observed
from tests.layerplan.closures import closure_of


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("libfoo2-1", "foo"),
        ("lib", "lib"),
        ("lib2-1", "lib"),
        ("9base-6", "9base-6"),
        ("Perl-x", "perl"),
        ("gcc12", "gcc"),
    ],
)
def test_the_first_letters_of_a_name_are_its_word(name: str, word: str) -> None:
    assert first_word(name) == word


def observed(closure: Closure, steps: int, own: dict[str, int]) -> Observed:
    always = (1 << steps) - 1
    return Observed(
        steps,
        {item.path: own.get(item.path.name, 0) for item in closure},
        {item.path: always for item in closure},
        propagates=False,
    )


def names(causes: Causes) -> list[list[str]]:
    assert causes.of == {path: at for at, members in enumerate(causes.members) for path in members}
    assert list(causes.members) == sorted(tuple(sorted(members)) for members in causes.members)
    return sorted(sorted(path.name for path in members) for members in causes.members)


def test_items_of_one_source_have_one_cause_whatever_was_seen() -> None:
    closure = closure_of(dict.fromkeys(["a-1", "b-1", "c-1"], 1))
    closure = Closure(replace(item, source=None if item.path.name == "c-1" else "s") for item in closure)
    assert names(find_causes(closure, observed(closure, 4, {"a-1": 0b0101, "b-1": 0b1010}))) == [
        ["a-1", "b-1"],
        ["c-1"],
    ]


def test_several_changes_in_the_same_steps_have_one_cause_and_one_or_none_may_be_chance() -> None:
    references = {"a-1": ["h-1"], "b-1": ["g-1"], "g-1": ["c-1"], "h-1": ["d-1"], "c-1": ["e-1"], "d-1": ["f-1"]}
    closure = closure_of(dict.fromkeys([f"{letter}-1" for letter in "abcdefgh"], 1), references)
    often = observed(closure, 20, {"a-1": 0b1011, "b-1": 0b1011, "c-1": 0b1000, "d-1": 0b1000})
    assert names(find_causes(closure, often)) == [["a-1", "b-1"], *([f"{letter}-1"] for letter in "cdefgh")]


def test_coincidence_is_believed_where_there_are_few_items_for_it() -> None:
    """Three times as many items as ways to choose the steps: a tie is not enough."""
    closure = closure_of(dict.fromkeys(["aa-1", "bb-1"], 1))
    for steps, expected in ((6, [["aa-1"], ["bb-1"]]), (7, [["aa-1", "bb-1"]])):
        assert names(find_causes(closure, observed(closure, steps, {"aa-1": 1, "bb-1": 1}))) == expected


def test_one_change_is_enough_for_items_with_a_common_word() -> None:
    closure = closure_of(dict.fromkeys(["perl-a", "perl-b", "perl-c", "zlib-1", "x-1"], 1))
    once = observed(closure, 12, {"perl-a": 0b100, "perl-b": 0b100, "perl-c": 0b10, "zlib-1": 0b100})
    found = find_causes(closure, once)
    assert names(found) == [["perl-a", "perl-b"], ["perl-c"], ["x-1"], ["zlib-1"]]


def test_one_change_in_a_short_history_is_not_enough_even_so() -> None:
    closure = closure_of(dict.fromkeys(["perl-a", "perl-b", "perl-c"], 1))
    once = observed(closure, 2, {"perl-a": 0b10, "perl-b": 0b10, "perl-c": 0b1})
    assert names(find_causes(closure, once)) == [["perl-a"], ["perl-b"], ["perl-c"]]


def test_a_word_that_few_share_speaks_for_a_common_source_and_one_that_many_share_does_not() -> None:
    few, many = [f"perl-{at}" for at in range(8)], [f"node-{at}" for at in range(9)]
    closure = closure_of(dict.fromkeys([*few, *many], 1))
    kin = find_causes(closure, observed(closure, 1, {})).kin
    assert {path.name: word for path, word in kin.items()} == dict.fromkeys(few, "perl")


def test_items_that_were_seen_to_change_apart_are_not_of_one_source() -> None:
    closure = closure_of(dict.fromkeys(["perl-a", "perl-b", "perl-c"], 1))
    together = find_causes(closure, observed(closure, 9, {"perl-a": 0b11, "perl-b": 0b11, "perl-c": 0b11})).kin
    apart = find_causes(closure, observed(closure, 9, {"perl-a": 0b11, "perl-b": 0b1100, "perl-c": 0b110000})).kin
    assert len(together) == 3
    assert apart == {}


def test_most_pairs_that_changed_together_are_enough_where_coincidence_is_unlikely() -> None:
    """Half of the pairs, less what chance would give: the more ways there are to choose two steps, the less."""
    closure = closure_of(dict.fromkeys(["perl-a", "perl-b", "perl-c", "perl-d"], 1))
    own = {"perl-a": 0b11, "perl-b": 0b11, "perl-c": 0b11, "perl-d": 0b1100}
    assert [len(find_causes(closure, observed(closure, steps, own)).kin) for steps in (9, 11)] == [0, 4]

"""Finding hash parts: exactly those that occur, wherever a piece of the file ends."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sysimage.digest import NIX_BASE32_ALPHABET
from sysimage.verify.references import Budget, KnownCollector, RunCollector, hash_parts

KNOWN = [letter * 31 + "0" for letter in "0abz"]
PARTS = frozenset(part.encode() for part in KNOWN)
fragments = st.lists(
    st.one_of(
        st.sampled_from([part.encode() for part in KNOWN]),
        st.text(NIX_BASE32_ALPHABET + "e/-", max_size=40).map(str.encode),
        st.binary(max_size=40),
    ),
    max_size=8,
).map(b"".join)


def naively(data: bytes) -> set[bytes]:
    return {part for part in PARTS if part in data}


def collect(collector: RunCollector, data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for begin, end in itertools.pairwise(edges):
        collector.content(data[begin:end])
    collector.end_file()


@given(fragments, st.lists(st.integers(0, 320), max_size=12))
def test_runs_hold_exactly_the_hash_parts_that_occur(data: bytes, cuts: list[int]) -> None:
    collector = RunCollector(Budget(1 << 20))
    collect(collector, data, cuts)
    assert hash_parts(collector.runs, PARTS) == naively(data)


@given(fragments, st.lists(st.integers(0, 320), max_size=12))
def test_known_hash_parts_are_found_without_keeping_runs(data: bytes, cuts: list[int]) -> None:
    collector = KnownCollector(PARTS)
    collect(collector, data, cuts)
    assert collector.runs == naively(data)


def test_the_end_of_one_file_and_the_beginning_of_the_next_make_no_reference() -> None:
    collector = KnownCollector(PARTS)
    half = KNOWN[1].encode()
    collector.content(half[:16])
    collector.end_file()
    collector.content(half[16:])
    assert collector.runs == set()


def test_more_runs_than_are_remembered_are_noticed() -> None:
    collector = RunCollector(Budget(150))
    collector.whole(b"a" * 32)
    collector.whole(b"a" * 32)
    collector.whole(b"b" * 31)
    assert (collector.overflowed, collector.runs) == (False, {b"a" * 32}), "each is remembered once"
    for letter in (b"b", b"a"):
        collector.whole(letter * 32)
        assert (collector.overflowed, collector.runs) == (True, set())


def test_what_several_spend_from_is_spent_to_its_end() -> None:
    budget = Budget(3)
    assert [budget.spend(amount) for amount in (1, 0, 2, 0, 1, 0)] == [True, True, True, True, False, False]

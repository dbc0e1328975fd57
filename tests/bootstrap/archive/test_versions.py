"""The order of Debian versions, held against dpkg's."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.process import find, run
from sysimage_bootstrap.archive.versions import Relation, version_key

versions = st.from_regex(r"([0-9]:)?[0-9][a-b0-1.+~]{0,4}(-[a-b0-1.+~]{1,3})?", fullmatch=True)


@given(versions, versions, versions)
def test_the_order_is_total(one: str, two: str, three: str) -> None:
    first, second, third = sorted((one, two, three), key=version_key)
    assert version_key(first) <= version_key(second) <= version_key(third)
    assert Relation.UP_TO.holds(first, third)
    assert Relation.EARLIER.holds(one, two) != Relation.FROM.holds(one, two)
    assert Relation.LATER.holds(one, two) != Relation.UP_TO.holds(one, two)
    assert Relation.EXACTLY.holds(one, two) == (version_key(one) == version_key(two))


@pytest.mark.slow
def test_dpkg_agrees() -> None:
    tricky = ["1", "1.0", "1.00", "1.0-0", "1.0-1", "1.0~", "1.0~~", "1.0~rc1", "1.0a", "1.0+b1", "1.0-1+b1"]
    tricky += ["1.0-1~", "0:1.0", "1:0", "01", "1a", "1a0", "1.a", "1-~", "10", "9"]
    pairs = list(itertools.product(tricky, repeat=2))
    # One shell for all of them: a status line for each pair.
    script = f"while read -r a b; do {find('dpkg')} --compare-versions $a lt $b && echo 1 || echo 0; done"
    told = run(["/bin/sh", "-c", script], stdin="".join(f"{one} {two}\n" for one, two in pairs).encode())
    ours = ["1" if version_key(one) < version_key(two) else "0" for one, two in pairs]
    assert told.stdout.decode().split() == ours


@pytest.mark.parametrize("text", ["", "a:1", "1:", "1_0", "1 0", "-1", "1:-1"])
def test_what_is_not_a_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a version"):
        version_key(text)

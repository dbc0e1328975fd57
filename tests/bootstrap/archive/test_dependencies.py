"""What packages say about others, read and written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.archive.deb822 import paragraph, paragraphs
from sysimage_bootstrap.archive.dependencies import Dependency, DependencyTarget, parse_dependencies, parse_target
from sysimage_bootstrap.archive.versions import Relation


def _target(name: str, architecture: str | None, relation: Relation | None, version: str | None) -> DependencyTarget:
    return DependencyTarget(name, relation, version, architecture)


targets = st.builds(
    lambda name, architecture, bound: _target(name, architecture, *(bound or (None, None))),
    st.from_regex(r"[a-z0-9][a-z0-9+.-]{1,8}", fullmatch=True),
    st.sampled_from([None, "any", "native", "arm64"]),
    st.none() | st.tuples(st.sampled_from(Relation), st.from_regex(r"[0-9][a-z0-9.+~-]{0,5}", fullmatch=True)),
)
dependencies = st.lists(st.builds(Dependency, st.lists(targets, min_size=1, max_size=3).map(tuple)), max_size=4)


@pytest.mark.slow
@given(dependencies)
def test_what_is_written_is_read_back(written: list[Dependency]) -> None:
    assert parse_dependencies(", ".join(map(str, written))) == tuple(written)


def test_a_real_line_is_read() -> None:
    text = "debconf (>= 0.5) | debconf-2.0, python3:any,libc6 (>=2.38), awk (<< 2),"
    assert [str(found) for found in parse_dependencies(text)] == [
        "debconf (>= 0.5) | debconf-2.0",
        "python3:any",
        "libc6 (>= 2.38)",
        "awk (<< 2)",
    ]


def test_old_signs_mean_what_they_always_meant() -> None:
    assert (parse_target("a (< 1)").relation, parse_target("a (> 1)").relation) == (Relation.UP_TO, Relation.FROM)


@pytest.mark.parametrize("text", ["", "a b", "a (1)", "a (>= 1", "a (>= )", "-a", "a | ", "a [amd64] x"])
def test_what_is_not_a_relation_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a package relation"):
        parse_target(text)


def test_an_unversioned_promise_meets_no_bound() -> None:
    assert parse_target("a").accepts(None)
    assert not parse_target("a (>= 1)").accepts(None)


def test_paragraphs_are_read_with_comments_and_continuations() -> None:
    text = "# head\nOne: 1\nTwo:\n a\n b\n\n\nOne: 2\n"
    assert list(paragraphs(text)) == [{"one": "1", "two": "a\nb"}, {"one": "2"}]


@pytest.mark.parametrize("text", ["A: 1\na: 2\n", " continued\n", "no colon\n", "A b: 1\n", "A: 1\n\nB: 2\n", ""])
def test_data_that_readers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"twice|without a field|not a field|paragraphs"):
        paragraph(text)

"""What is wrong with an image is gathered in order, each kind up to a limit, and counted beyond it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.rules.finding import Cause, Finding
from sysimage.verify.issue_collector import IssueCollector


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=12), st.integers(0, 4))
def test_each_kind_is_listed_up_to_the_limit_and_counted_beyond_it(added: list[tuple[str, bool]], limit: int) -> None:
    collector = IssueCollector(limit)
    for number, (rule, is_fault) in enumerate(added):
        (collector.add if is_fault else collector.note)(rule, f"place {number}", f"breaks {rule}")
    for is_fault, what, found in ((True, "faults", collector.issues), (False, "notes", collector.notes)):
        listed: list[str] = []
        counts: dict[str, int] = {}
        for number, (rule, kind) in enumerate(added):
            if kind is is_fault:
                counts[rule] = counts.get(rule, 0) + 1
                if counts[rule] <= limit:
                    listed.append(f"place {number}: breaks {rule}")
        more = [f"{count - limit} more {what} of this kind: {rule}" for rule, count in counts.items() if count > limit]
        assert [str(issue) for issue in found] == listed + more
    rules = {rule for rule, is_fault in added if is_fault}
    assert len(collector) == sum(is_fault for _, is_fault in added), "notes do not count"
    for asked in (["a"], ["a", "b"], ["x"], []):
        assert collector.broken(asked) is bool(rules & set(asked))


@pytest.mark.parametrize("ours", [True, False])
def test_what_is_a_matter_of_style_is_a_fault_in_images_of_sysimage_alone(ours: bool) -> None:
    collector = IssueCollector(9)
    collector.style(ours=ours)("rule", "place", "message")
    assert (len(collector.issues), len(collector.notes)) == ((1, 0) if ours else (0, 1))


def test_findings_of_rules_are_faults_at_the_place_of_their_cause() -> None:
    def place(cause: Cause) -> str:
        return cause[1]

    collector = IssueCollector(9)
    collector.add_findings(
        [Finding("rule", ("file", "/a"), "is wrong"), Finding("other", ("file", "/b"), "too")], place
    )
    assert [str(issue) for issue in collector.issues] == ["/a: is wrong", "/b: too"]
    assert collector.notes == ()

"""A spec for several architectures is one for several platforms."""

from __future__ import annotations

import pytest

from sysimage.errors import SpecError
from sysimage.spec.choices import KeyValue, SpecChoices
from sysimage.spec.parse import parse_spec

BOTH = '{"name": "x", "packages": [], "architectures": ["amd64", "aarch64-linux"]}'


def chosen(*texts: str) -> SpecChoices:
    return SpecChoices((), tuple(KeyValue.parse(text) for text in texts))


def test_architectures_have_the_names_that_one_has() -> None:
    spec = parse_spec(BOTH)
    assert (spec.architectures, spec.architecture) == (("amd64", "arm64"), "amd64")


def test_what_is_chosen_takes_the_place_of_what_the_spec_says() -> None:
    one = parse_spec(BOTH, choices=chosen("architecture=arm64"))
    assert (one.architectures, one.architecture) == (None, "arm64")
    text = '{"name": "x", "packages": [], "architecture": "arm64"}'
    several = parse_spec(text, choices=chosen('architectures=["arm64", "amd64"]'))
    assert (several.architectures, several.architecture) == (("arm64", "amd64"), "arm64")


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ('"architecture": "amd64", "architectures": ["amd64"]', '"architecture" or "architectures", not both'),
        ('"architectures": ["amd64", "x86_64-linux"]', "names an architecture twice"),
        ('"architectures": ["amd64", "riscv64"]', "/architectures/1: packages are taken for amd64 and arm64"),
        ('"architectures": []', "architectures"),
        ('"architectures": ["amd46"]', 'not "amd46"'),
    ],
)
def test_architectures_that_no_image_has_are_faults(keys: str, fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_spec(f'{{"name": "x", "packages": [], {keys}}}')
    assert any(fault in str(issue) for issue in caught.value.issues), caught.value

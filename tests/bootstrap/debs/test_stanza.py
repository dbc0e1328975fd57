"""What scanners read of a package follows from its control file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.archive.deb822 import paragraph
from sysimage_bootstrap.debs.stanza import stanza

CONTROL = """Package: bsdutils
Status: install ok installed
Source: util-linux (2.41-5)
Version: 1:2.41-5
Architecture: amd64
Multi-Arch: foreign
Depends: libc6 (>= 2.38),
 libsystemd0
# a remark
Description: basic utilities
 A long text
 .
 in two parts.
Homepage: https://www.kernel.org/
"""


def test_a_stanza_is_the_control_file_without_status_and_long_description() -> None:
    assert stanza(CONTROL) == (
        "Package: bsdutils\n"
        "Source: util-linux (2.41-5)\n"
        "Version: 1:2.41-5\n"
        "Architecture: amd64\n"
        "Multi-Arch: foreign\n"
        "Depends: libc6 (>= 2.38),\n"
        " libsystemd0\n"
        "Description: basic utilities\n"
        "Homepage: https://www.kernel.org/\n"
    )


NAMES = st.from_regex(r"[A-Z][a-z]{1,8}(-[A-Z][a-z]{1,3})?", fullmatch=True)
LINES = st.from_regex(r"[!-~]([ -~]{0,20}[!-~])?", fullmatch=True)


@pytest.mark.slow
@given(st.dictionaries(NAMES.map(str.lower), st.lists(LINES, min_size=1, max_size=3), min_size=1, max_size=6))
def test_every_other_field_stays_as_it_is_and_a_stanza_of_a_stanza_is_itself(fields: dict[str, list[str]]) -> None:
    text = "".join(f"{name}: " + "\n ".join(lines) + "\n" for name, lines in fields.items())
    whole = paragraph(text)
    kept = {name: value for name, value in whole.items() if name != "status"}
    if "description" in kept:
        kept["description"] = fields["description"][0]
    found = stanza(text)
    assert (paragraph(found) if kept else {}) == kept
    assert not kept or stanza(found) == found


@pytest.mark.parametrize("text", ["", "Package: a\nPackage: b\n", " continued\n", "Package: a\n\nPackage: b\n", "x\n"])
def test_what_readers_would_differ_on_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        stanza(text)

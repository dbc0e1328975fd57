"""What counts as one line, and how text that does not is shown."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sysimage.characters import is_line, is_unicode, one_line, printable

ANY = st.text(alphabet=st.characters(exclude_categories=[]))


@settings(deadline=None)
@given(ANY)
def test_a_line_is_one_for_every_reader(text: str) -> None:
    if is_line(text):
        data = one_line(text)
        assert data.decode().splitlines() in ([text], [""])
        assert data.count(b"\n") == 1
        assert not any(byte < 0x20 or byte == 0x7F for byte in data[:-1])
    else:
        with pytest.raises(ValueError, match="not one line"):
            one_line(text)


@settings(deadline=None)
@given(ANY)
def test_text_is_unicode_exactly_if_utf_8_can_write_it(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        assert not is_unicode(text)
    else:
        assert is_unicode(text)


@settings(deadline=None)
@given(ANY)
def test_what_is_printed_shows_everything_and_orders_nothing(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown == text or not text.isprintable()
    quoted = printable(json.dumps(text, ensure_ascii=False))
    assert json.loads(quoted) == text


def test_escape_sequences_and_turned_text_are_written_out() -> None:
    assert printable("\x1b[31m\u202e\n😀\U000e0001", keep="\n") == "\\u001b[31m\\u202e\n😀\\udb40\\udc01"

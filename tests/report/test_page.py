"""The page as text: one file, nothing in it from an image that a browser would obey, no address to ask."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.report import files_document, page, report_document
from sysimage.report.facts import FileFact
from tests.report.made_facts import facts, item, many


class Elements(HTMLParser):
    """Elements of a page, and the texts of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.texts.append((tag, ""))

    def handle_data(self, data: str) -> None:
        if self.texts and self.cdata_elem in ("script", "style"):
            self.texts[-1] = (self.texts[-1][0], self.texts[-1][1] + data)


def made_page(name: str = "made:1", file: bytes = b"file") -> str:
    made = facts(item("a-1", files=(FileFact((file,), 7, b""),)), name=name)
    return page(report_document(made), files_document(made))


@pytest.mark.slow
@given(st.text(max_size=60), st.binary(min_size=1, max_size=60))
def test_no_name_in_an_image_becomes_markup(name: str, file: bytes) -> None:
    plain = [tag for tag, _ in Elements(made_page()).tags]
    for hostile in (name, f"{name}</script><script>alert(1)</script><!--"):
        text = made_page(hostile, file + b"</script><!--<script>")
        assert [tag for tag, _ in Elements(text).tags] == plain


def test_the_data_comes_out_as_it_went_in() -> None:
    made = many(20)
    report, contents = report_document(made), files_document(made)
    texts = [text for tag, text in Elements(page(report, contents)).texts if tag == "script"]
    assert json.loads(texts[0]) == report
    assert json.loads(texts[1]) == contents


def test_only_the_script_and_the_style_of_the_page_are_allowed() -> None:
    found = Elements(made_page())
    policy = next(attributes["content"] for tag, attributes in found.tags if "http-equiv" in attributes)
    assert policy is not None
    hashes = {
        tag: f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for tag, text in (found.texts[0], found.texts[-1])
    }
    assert policy == f"default-src 'none'; img-src data:; style-src {hashes['style']}; script-src {hashes['script']}"


def test_nothing_is_asked_of_a_network() -> None:
    text = made_page()
    assert re.findall(r"https?://(?!www\.w3\.org/2000/svg)", text) == []
    for _, attributes in Elements(text).tags:
        for name in ("src", "href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))


def test_the_same_report_is_the_same_page() -> None:
    assert made_page() == made_page()

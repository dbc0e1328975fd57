"""Caches of icons, compared with what GTK's own program says of the same files."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.process import run
from sysimage_bootstrap.triggers.icon_cache import NAME, TOP, icon_cache, icon_caches
from sysimage_bootstrap.triggers.merged_tree import Found, MergedTree

PROGRAM = {"/usr/bin/gtk-update-icon-cache": b"\x7fELF"}
THEME: dict[str, str] = {
    "index.theme": "[Icon Theme]\nName=Hicolor\n",
    "16x16/actions/go.png": "",
    "48x48/apps/go.png": "",
    "48x48/apps/go.xpm": "",
    "48x48/apps/readme.txt": "",
    "48x48/apps/mail.symbolic.png": "",
    "48x48/apps/link.png": "-> go.png",
    "48x48/apps/dangling.png": "-> nowhere.png",
    "48x48/in-the-middle.png": "",
    "96x96": "-> 48x48",
    "deep/in/it/o.svg": "",
    "scalable/apps/go.svg": "",
    "top.png": "",
    **{f"48x48/apps/icon-{number}.png": "" for number in range(40)},
}


def parsed(cache: bytes) -> tuple[int, dict[str, tuple[int, dict[str, int]]]]:
    """The number of buckets, and icon → its bucket, and directory → suffixes."""

    def number(at: int) -> int:
        return int(struct.unpack_from(">I", cache, at)[0])

    def text(at: int) -> str:
        return cache[at : cache.index(0, at)].decode()

    assert struct.unpack_from(">HHI", cache) == (1, 0, 12)
    listed = number(8)
    directories = [text(number(listed + 4 + 4 * index)) for index in range(number(listed))]
    found = {}
    for bucket in range(number(12)):
        at = number(16 + 4 * bucket)
        while at != 0xFFFFFFFF:
            images = number(at + 8)
            pairs = (struct.unpack_from(">HHI", cache, images + 4 + 8 * one) for one in range(number(images)))
            found[text(number(at + 4))] = bucket, {directories[index]: flags for index, flags, _ in pairs}
            at = number(at)
    return number(12), found


def tree_of(files: dict[str, str], **more: Found) -> MergedTree:
    entries: dict[str, Found] = {**PROGRAM, **more}
    for path, text in files.items():
        entries[f"{TOP}/hicolor/{path}"] = text[3:] if text.startswith("-> ") else text.encode()
    return MergedTree.of(entries)


@pytest.mark.programs
def test_a_cache_says_what_that_of_gtk_says(tmp_path: Path) -> None:
    for path, text in THEME.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            (tmp_path / path).symlink_to(text[3:])
        else:
            (tmp_path / path).write_text(text)
    run(["gtk-update-icon-cache", "--force", "--quiet", str(tmp_path)])
    theirs = (tmp_path / NAME).read_bytes()
    (ours,) = icon_caches(tree_of(THEME)).values()
    assert parsed(ours) == parsed(theirs)
    assert len(ours) == len(theirs)
    (tmp_path / NAME).write_bytes(ours)
    run(["gtk-update-icon-cache", "--validate", str(tmp_path)])


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=9),
        st.dictionaries(
            st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=9),
            st.integers(1, 7),
            min_size=1,
            max_size=9,
        ),
        max_size=9,
    )
)
def test_what_is_written_is_read_back(images: dict[str, dict[str, int]]) -> None:
    found = parsed(icon_cache(images))[1]
    again: dict[str, dict[str, int]] = {}
    for icon, (_, places) in found.items():
        for directory, flags in places.items():
            again.setdefault(directory, {})[icon] = flags
    assert again == images


def test_no_cache_is_made_without_a_program_that_would_a_theme_or_an_icon() -> None:
    assert icon_caches(MergedTree.of({f"{TOP}/hicolor/index.theme": b"", f"{TOP}/hicolor/a/b.png": b""})) == {}
    assert icon_caches(tree_of({"48x48/apps/go.png": ""})) == {}
    assert icon_caches(tree_of({"index.theme": "", "48x48/apps/readme": ""})) == {}
    assert icon_caches(tree_of({"index.theme": "", "48x48/apps/\u00f6.png": ""})) == {}, "nor has GTK's program one"


def test_directories_that_lead_to_each_other_come_to_an_end() -> None:
    (cache,) = icon_caches(tree_of({"index.theme": "", "a/go.png": "", "a/again": "-> ../a"})).values()
    assert "a" in parsed(cache)[1]["go"][1]

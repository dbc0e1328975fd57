"""Digests of contents that do not count the names of store items."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sysimage.compare.layer_reader import STORE_NAME, ContentDigest

HASH = b"0123456789abcdfghijklmnpqrsvwxyz"
NAMES = [b"/gnu/store/" + HASH + b"-libc6-2.41", b"/nix/store/" + HASH[::-1] + b"-x", b"/gnu/store/" + HASH[:9]]
PIECES = st.lists(st.sampled_from([*NAMES, b"/", b"/gnu", b"text", b"\0" * 300, b"\xff"]), max_size=12)


def digest(pieces: list[bytes]) -> bytes:
    found = ContentDigest()
    for piece in pieces:
        found.update(piece)
    return found.digest()


@given(PIECES, st.lists(st.integers(0, 2000), max_size=6))
def test_a_digest_does_not_depend_on_how_a_content_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    content = b"".join(parts)
    places = sorted({0, len(content), *(cut for cut in cuts if cut <= len(content))})
    assert digest([content[a:b] for a, b in pairwise(places)]) == digest([content])
    assert digest([content]) == digest([STORE_NAME.sub(b"/", content)])


def test_another_hash_or_version_in_a_store_path_is_the_same_content() -> None:
    first, second = b"#!" + NAMES[0] + b"/bin/sh\n", b"#!/gnu/store/" + HASH[::-1] + b"-libc6-2.42/bin/sh\n"
    assert digest([first]) == digest([second])
    assert digest([first]) != digest([first.replace(b"/bin/sh", b"/bin/su")])

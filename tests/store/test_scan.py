"""The reference scan against a window-by-window search, and against the ways in which references hide."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.digest import NIX_BASE32_ALPHABET
from sysimage.store.nar import nar_hash_and_size
from sysimage.store.paths import StorePath
from sysimage.store.scan import Candidates, ReferenceScanner, scan_and_hash

GLIBC = StorePath("/gnu/store", "0123456789abcdfghijklmnpqrsvwxyz", "glibc-2.41")
ZLIB = StorePath("/gnu/store", "zlzlzlzlzlzlzlzlzlzlzlzlzlzlzlzl", "zlib-1.3")
BASH = StorePath("/gnu/store", "bashbashbashbashbashbashbashbash", "bash-5.2")
CANDIDATES = (GLIBC, ZLIB, BASH)


def scan(*pieces: bytes) -> frozenset[StorePath]:
    scanner = ReferenceScanner(Candidates(CANDIDATES))
    for piece in pieces:
        scanner.feed(piece)
    return scanner.found


@pytest.mark.parametrize(
    "text",
    [
        str(GLIBC),
        f"prefix {GLIBC}/lib/ld.so suffix",
        GLIBC.hash_part,
        f"abc{GLIBC.hash_part}xyz",
        f"{GLIBC.hash_part}{GLIBC.hash_part}",
        f"\0{GLIBC.hash_part}\xff",
        f"{'a' * 1000}{GLIBC.hash_part}",
    ],
)
def test_a_hash_part_is_found_whatever_is_around_it(text: str) -> None:
    stream = text.encode("latin-1")
    assert scan(stream) == scan(*(bytes([byte]) for byte in stream)) == {GLIBC}


@pytest.mark.parametrize("text", ["", GLIBC.hash_part[:-1], GLIBC.hash_part[1:], GLIBC.hash_part.upper(), GLIBC.name])
def test_what_is_not_the_whole_hash_part_is_not_a_reference(text: str) -> None:
    assert scan(text.encode()) == frozenset()


@given(cut=st.integers(0, 60), second=st.integers(0, 60), before=st.binary(max_size=28))
def test_a_reference_is_found_wherever_the_stream_is_cut(cut: int, second: int, before: bytes) -> None:
    stream = before + GLIBC.hash_part.encode() + b"-glibc"

    assert GLIBC in scan(stream[:cut], stream[cut : cut + second], stream[cut + second :])
    assert GLIBC in scan(*(bytes([byte]) for byte in stream))


@given(
    st.lists(
        st.sampled_from([*(p.hash_part for p in CANDIDATES), "-", "e", "0", "z" * 7, NIX_BASE32_ALPHABET[3:20]]),
        max_size=12,
    ),
    st.integers(1, 50),
)
def test_the_scan_finds_what_looking_at_every_window_finds(words: list[str], size: int) -> None:
    stream = "".join(words).encode()
    windows = {stream[i : i + 32] for i in range(len(stream))}

    assert scan(*(stream[i : i + size] for i in range(0, len(stream), size))) == {
        path for path in CANDIDATES if path.hash_part.encode() in windows
    }


def test_two_candidates_with_one_hash_part_are_both_found() -> None:
    other = StorePath("/nix/store", GLIBC.hash_part, "other")
    scanner = ReferenceScanner(Candidates((GLIBC, other)))
    scanner.feed(GLIBC.hash_part.encode())

    assert scanner.found == {GLIBC, other}


def test_contents_names_and_targets_are_scanned_and_hashed_in_one_go(tmp_path: Path) -> None:
    item = tmp_path / "item"
    (item / "share").mkdir(parents=True)
    (item / "share/script").write_text(f"#!{BASH}/bin/sh\n")
    (item / "lib").symlink_to(f"{GLIBC}/lib")
    (item / f"share/{ZLIB.base_name}").touch()

    digest, size, found = scan_and_hash(item, Candidates(CANDIDATES))

    assert found == {GLIBC, ZLIB, BASH}
    assert (digest, size) == nar_hash_and_size(item)


@pytest.mark.parametrize("offset", [-40, -32, -31, -16, -1, 0, 5])
def test_a_reference_across_the_windows_of_one_long_piece_is_found(offset: int) -> None:
    for boundary in (1 << 16, 1 << 17):
        before = b"-" * (boundary + offset)

        assert scan(before + GLIBC.hash_part.encode() + b"-" * 100_000) == {GLIBC}

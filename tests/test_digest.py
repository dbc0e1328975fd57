"""Digests and nix base-32."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.digest import Digest, fold, from_nix_base32, nix_base32


@given(st.binary(max_size=64))
def test_base_32_reads_back(data: bytes) -> None:
    assert from_nix_base32(nix_base32(data)) == data


def test_base_32_is_the_one_that_nix_prints() -> None:
    # nix-hash --type sha256 --to-base32 of the SHA-256 of nothing
    assert nix_base32(Digest.of(b"").raw) == "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73"


def test_folding_is_exclusive_or() -> None:
    assert fold(bytes([1, 2, 3, 4, 5]), 2) == bytes([1 ^ 3 ^ 5, 2 ^ 4])


@pytest.mark.parametrize(
    "text", ["", "sha256:", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 64, "sha256:../../etc/passwd"]
)
def test_what_is_not_a_sha256_digest_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="digest"):
        Digest.parse(text)


@pytest.mark.parametrize("text", ["e", "0o0", "zz"])
def test_what_is_not_base_32_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base-32"):
        from_nix_base32(text)

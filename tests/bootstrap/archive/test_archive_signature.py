"""What the signature on InRelease has to hold against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sysimage.errors import IntegrityError, MachineError
from sysimage_bootstrap.archive.signature import verified_text
from tests.bootstrap.archive.fake_archive import Keys

pytestmark = pytest.mark.programs

TEXT = b"Origin: Test\n- a line that looks like a dash escape\nSuite: stable\n"


def verify(signed: bytes, keyring: Path) -> bytes:
    return verified_text(signed, keyring, "the InRelease of trixie")


@pytest.fixture(scope="session")
def signed(keys: Keys) -> bytes:
    return keys.clearsign(TEXT, "good")


def test_the_signed_text_is_returned_and_nothing_else(signed: bytes, keyring: Path) -> None:
    assert verify(signed, keyring) == TEXT


def test_an_armoured_keyring_serves_as_well(signed: bytes, keys: Keys, tmp_path: Path) -> None:
    armoured = keys.keyring(tmp_path / "keys.asc", "second", "good", armour=True)
    assert verify(signed, armoured) == TEXT


def test_a_stranger_beside_a_known_signer_does_no_harm(keys: Keys, keyring: Path) -> None:
    assert verify(keys.clearsign(TEXT, "stranger", "good"), keyring) == TEXT
    assert verify(keys.clearsign(TEXT, "good", "stranger"), keyring) == TEXT


def test_a_keyring_without_the_signer_is_the_wrong_keyring(signed: bytes, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="not in the keyring"):
        verify(signed, keys.keyring(tmp_path / "keys.gpg", "second"))


@pytest.mark.parametrize(
    ("signer", "options", "cause"),
    [
        ("stranger", (), "not in the keyring"),
        ("expired", ("--faked-system-time", "20200301T000000"), "expired key"),
        ("good", ("--digest-algo", "SHA1"), "too weak"),
    ],
)
def test_a_signature_that_is_worth_nothing_is_refused(
    signer: str, options: tuple[str, ...], cause: str, keys: Keys, keyring: Path
) -> None:
    with pytest.raises(IntegrityError, match=cause):
        verify(keys.clearsign(TEXT, signer, options=options), keyring)


def test_a_signature_made_before_its_key_was_revoked_is_refused(keys: Keys, tmp_path: Path) -> None:
    keys.make("revoked")
    signed = keys.clearsign(TEXT, "revoked")
    assert verify(signed, keys.keyring(tmp_path / "before.gpg", "revoked")) == TEXT
    keys.revoke("revoked")
    with pytest.raises(IntegrityError, match="revoked key"):
        verify(signed, keys.keyring(tmp_path / "after.gpg", "revoked"))


def test_a_signature_that_has_run_out_is_refused(keys: Keys, tmp_path: Path) -> None:
    keys.make("old", time="20200101T000000")
    keyring = keys.keyring(tmp_path / "keys.gpg", "old")
    clock = ("--faked-system-time", "20200102T000000")
    assert verify(keys.clearsign(TEXT, "old", options=clock), keyring) == TEXT
    with pytest.raises(IntegrityError, match="signature has expired"):
        verify(keys.clearsign(TEXT, "old", options=(*clock, "--default-sig-expire", "1d")), keyring)


def test_a_signature_by_a_subkey_that_has_run_out_is_refused(keys: Keys, tmp_path: Path) -> None:
    keys.make("offline", time="20200101T000000")
    keys.add_signing_subkey("offline", time="20200101T000000", expire="2020-06-01")
    signed = keys.clearsign(TEXT, "offline", options=("--faked-system-time", "20200301T000000"))
    with pytest.raises(IntegrityError, match="expired key"):
        verify(signed, keys.keyring(tmp_path / "keys.gpg", "offline"))


BEGIN, SIGNATURE, END = (
    b"-----BEGIN PGP SIGNED MESSAGE-----\n",
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----END PGP SIGNATURE-----",
)
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "text before": lambda signed: b"Package: evil\n" + signed,
    "an empty line before": lambda signed: b"\n" + signed,
    "text after": lambda signed: signed + b"Package: evil\n",
    "two messages": lambda signed: signed + signed,
    "text in the head": lambda signed: signed.replace(b"Hash: SHA", b"Package: evil\nHash: SHA"),
    "an unescaped mark in the text": lambda signed: signed.replace(SIGNATURE, b"-----evil\n" + SIGNATURE),
    "a second beginning": lambda signed: signed.replace(BEGIN, BEGIN + b"\n" + BEGIN),
    "no signature": lambda signed: signed.partition(SIGNATURE)[0],
    "no end": lambda signed: signed.replace(END, b""),
    "no frame": lambda signed: TEXT,
    "nothing": lambda signed: b"",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_anything_but_one_signed_message_is_refused(
    change: Callable[[bytes], bytes], signed: bytes, keyring: Path
) -> None:
    with pytest.raises(IntegrityError, match="cannot trust the InRelease of trixie"):
        verify(change(signed), keyring)


def test_a_signature_in_a_file_of_its_own_serves_as_well(keys: Keys, keyring: Path) -> None:
    assert verify(keys.detached(TEXT, "stranger", "good").rstrip() + b"\n" + TEXT, keyring) == TEXT


@pytest.mark.parametrize(
    "change",
    [
        lambda signature, text: signature + text + b"Package: evil\n",
        lambda signature, text: signature + b"\n" + text,
        lambda signature, text: signature + text[:-1],
        lambda signature, text: signature,
        lambda signature, text: signature.replace(END, b"") + text,
        lambda signature, text: SIGNATURE + b"\n\nAAAA\n" + END + b"\n" + text,
    ],
)
def test_a_text_that_is_not_the_one_its_own_signature_is_about_is_refused(
    change: Callable[[bytes, bytes], bytes], keys: Keys, keyring: Path
) -> None:
    with pytest.raises(IntegrityError, match="cannot trust"):
        verify(change(keys.detached(TEXT, "good"), TEXT), keyring)


def test_a_signature_in_a_file_of_its_own_by_a_stranger_is_refused(keys: Keys, keyring: Path) -> None:
    with pytest.raises(IntegrityError, match="not in the keyring"):
        verify(keys.detached(TEXT, "stranger") + TEXT, keyring)


def test_every_changed_byte_of_the_text_is_noticed(signed: bytes, keyring: Path) -> None:
    start = signed.index(b"Origin")
    for place in range(start, start + 12, 3):
        broken = bytearray(signed)
        broken[place] ^= 1
        with pytest.raises(IntegrityError):
            verify(bytes(broken), keyring)


def test_a_detached_signature_wrapped_as_a_message_is_refused(keys: Keys, keyring: Path) -> None:
    wrapped = keys.gpg("--local-user", "good@example.org", "--armor", "--sign", stdin=TEXT)
    with pytest.raises(IntegrityError, match="not exactly one signed message"):
        verify(wrapped, keyring)


def test_a_missing_keyring_says_which_package_brings_it(signed: bytes, tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        verify(signed, tmp_path / "none.gpg")
    assert "debian-archive-keyring" in (caught.value.hint or "")

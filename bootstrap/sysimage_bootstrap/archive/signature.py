"""The signature on InRelease, or in a Release.gpg: what gpgv vouches for, and nothing else.

The frame is checked before gpgv sees the file, because a verifier that skips unsigned text around a message
(CVE-2016-1252) is only safe without such text; and what is returned is what gpgv wrote, never the file that was given.
"""

from __future__ import annotations

import base64
import shutil
import tempfile
from pathlib import Path

from sysimage.errors import IntegrityError, MachineError
from sysimage.files.temporary import scratch_directory
from sysimage.process import find, run
from sysimage.signals import when_ending

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
_ARMOURED_KEY = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"

_HASHES = {8: "SHA256", 9: "SHA384", 10: "SHA512"}
_WEAK_PUBLIC_KEYS = {16: "ElGamal", 17: "DSA", 20: "ElGamal"}
_FAULTS = {
    "BADSIG": "a signature does not match the text",
    "REVKEYSIG": "it is signed by a revoked key",
    "EXPKEYSIG": "it is signed by an expired key",
    "EXPSIG": "a signature has expired",
    "ERRSIG": "it is signed by a key that is not in the keyring",
    "NODATA": "it holds no signature",
    "BADARMOR": "it is malformed",
}


def verified_text(signed: bytes, keyring: Path, what: str) -> bytes:
    """Return the text that a key in ``keyring`` signed; ``what`` names the file in messages.

    ``signed`` is a clear-signed message, or an armoured signature and, from the line after it, the text that it signs.
    An `IntegrityError` for a file that is more or less than one clear-signed message, for a signature that does not
    match, and if no signature is by a valid key of the keyring over a strong hash. Signatures by other keys beside a
    valid one are not a fault: archives sign with the keys of several releases.
    """
    detached = _parts(signed, what) if is_detached(signed) else None
    if detached is None:
        _require_one_message(signed, what)
    gpgv = find("gpgv")
    if not keyring.is_file():
        raise MachineError(
            f"cannot verify {what}: the keyring {keyring} does not exist",
            hint="apt-get install debian-archive-keyring, or name Debian's keys with SYSIMAGE_KEYRING or --keyring",
        )
    with (
        scratch_directory(Path(tempfile.gettempdir()), "sysimage-gpgv-") as scratch,
        # A signal that ends the program does not wait for the threads that verify.
        when_ending(lambda: shutil.rmtree(scratch, ignore_errors=True)),
    ):
        keys = scratch / "keyring.gpg"
        keys.write_bytes(_dearmoured(keyring.read_bytes()))
        message = scratch / "message"
        text = scratch / "text"
        if detached is None:
            message.write_bytes(signed)
            files: list[str | Path] = ["--output", text, message]
        else:
            message.write_bytes(detached[0])
            text.write_bytes(detached[1])
            files = [message, text]
        done = run([gpgv, "--status-fd", "1", "--keyring", keys, *files], accept=range(256))
        _require_valid(done.stdout.decode("utf-8", "replace"), done.status, what, texts=0 if detached else 1)
        return text.read_bytes() if detached is None else detached[1]


def is_detached(signed: bytes) -> bool:
    """Whether this is a signature and the text that it signs, as Release.gpg and Release are."""
    return signed.startswith(_SIGNATURE)


def _parts(signed: bytes, what: str) -> tuple[bytes, bytes]:
    """A signature and the text after it."""
    head, end, text = signed.partition(_END + b"\n")
    if not end:
        raise IntegrityError(f"cannot trust {what}: its signature has no end")
    return head + end, text


def _require_one_message(signed: bytes, what: str) -> None:
    lines = [line.rstrip(b" \t\r") for line in signed.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    marks = [(number, line) for number, line in enumerate(lines) if line.startswith(b"-") and line[:2] != b"- "]
    if [line for _, line in marks] != [_BEGIN, _SIGNATURE, _END]:
        raise IntegrityError(f"cannot trust {what}: it is not exactly one signed message")
    if marks[0][0] != 0 or marks[2][0] != len(lines) - 1:
        raise IntegrityError(f"cannot trust {what}: there is unsigned text around the signed message")
    if b"" not in lines[: marks[1][0]] or any(not line.startswith(b"Hash:") for line in lines[1 : lines.index(b"")]):
        raise IntegrityError(f"cannot trust {what}: there is unsigned text in the head of the signed message")


def _require_valid(status: str, exit_status: int, what: str, *, texts: int) -> None:
    records = [line.split()[1:] for line in status.splitlines() if line.startswith("[GNUPG:] ")]
    words = [record[0] for record in records if record]
    valid, faults = 0, []
    # gpgv announces every signature with NEWSIG; GOODSIG without EXPKEYSIG and the like, and VALIDSIG with the
    # algorithms, make it count.
    good = False
    for record in records:
        match record:
            case ["NEWSIG", *_]:
                good = False
            case ["GOODSIG", *_]:
                good = True
            case ["VALIDSIG", _, _, _, _, _, _, public_key, hash_algorithm, *_] if good:
                if int(hash_algorithm) not in _HASHES:
                    faults.append("a signature uses a hash that is too weak")
                elif int(public_key) in _WEAK_PUBLIC_KEYS:
                    faults.append(f"a signature is by a {_WEAK_PUBLIC_KEYS[int(public_key)]} key, which is too weak")
                else:
                    valid += 1
            case ["ERRSIG", key, _, hash_algorithm, *rest]:
                if rest[2:3] == ["9"]:
                    faults.append(f"it is signed by a key that is not in the keyring ({key})")
                else:
                    faults.append(f"a signature cannot be checked (key {key}, hash algorithm {hash_algorithm})")
            case [word, *_] if word in _FAULTS:
                faults.append(_FAULTS[word])
    if words.count("PLAINTEXT") != texts:
        faults.append("it is not exactly one signed message")
        valid = 0
    if "BADSIG" in words or exit_status not in (0, 2):
        valid = 0
    if not valid:
        cause = "; ".join(dict.fromkeys(faults)) or "it carries no valid signature"
        raise IntegrityError(
            f"cannot trust {what}: {cause}",
            hint="a newer package debian-archive-keyring may know the key; --keyring names another keyring",
        )


def _dearmoured(keys: bytes) -> bytes:
    """Keyrings may be armoured text; gpgv reads the binary form alone."""
    if not keys.lstrip().startswith(_ARMOURED_KEY):
        return keys
    binary = b""
    for block in keys.split(_ARMOURED_KEY)[1:]:
        body = block.partition(b"-----END")[0].replace(b"\r", b"")
        _, _, payload = body.partition(b"\n\n")
        lines = [line.strip() for line in payload.splitlines()]
        binary += base64.b64decode(b"".join(line for line in lines if not line.startswith(b"=")))
    return binary

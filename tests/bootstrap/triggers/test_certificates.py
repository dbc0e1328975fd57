"""Authorities have the names that openssl rehash gives them, and Java the key store that keytool would make.

``kept/one.pem`` and ``kept/one.jks`` were made with OpenSSL 3.0 and Java 17:

    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -out one.pem \\
        -days 3650 -utf8 -subj "/C=DE/O=Ä  Test/CN= Root CA "
    keytool -importcert -noprompt -storetype JKS -keystore one.jks -storepass changeit \\
        -alias debian:One_CA.pem -file one.pem
"""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage_bootstrap.triggers.certificate_links import (
    CertificateError,
    certificate_links,
    certificates_in,
    pem_name,
    subject_hash,
)
from sysimage_bootstrap.triggers.java_keystore import java_keystore

KEPT = Path(__file__).with_name("kept")
ONE = (KEPT / "one.pem").read_bytes()
SUBJECTS = (
    "/CN=Plain",
    "/C=DE/O=Ä  Test\tß/CN= Root  CA ",
    "/O=Тест/OU=ΑΒΓ",
    "/CN=plain+O=Two+C=FR",
    "/DC=org/DC=Example/emailAddress=Root@Example.ORG",
    "/CN=" + "x" * 60 + "/serialNumber=12 34",
)


def links_in(directory: Path) -> dict[str, str]:
    return {path.name: str(path.readlink()) for path in directory.iterdir() if path.is_symlink()}


def made_certificate(path: Path, subject: str, mask: str) -> bytes:
    """A certificate whose texts are of the types that a mask allows: ``nombstr`` takes old ones, ``pkix`` BMPString."""
    (path.parent / "openssl.cnf").write_text(
        f"[req]\nstring_mask = {mask}\ndistinguished_name = dn\nx509_extensions = v3\n[dn]\n[v3]\n"
    )
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "/dev/null"]
    words: list[str | Path] = [
        "openssl",
        "req",
        "-x509",
        "-utf8",
        "-multivalue-rdn",
        "-config",
        path.parent / "openssl.cnf",
    ]
    subprocess.run([*words, "-subj", subject, "-out", path, *options], check=True, capture_output=True)
    return path.read_bytes()


@pytest.mark.programs
def test_the_links_are_those_of_openssl_rehash(tmp_path: Path) -> None:
    directory = tmp_path / "certs"
    directory.mkdir()
    certificates = {}
    for number, subject in enumerate(SUBJECTS):
        for mask in ("utf8only", "pkix", "nombstr" if subject.isascii() else "default"):
            path = f"/usr/share/ca-certificates/x/{number} {mask}.crt"
            certificates[path] = made_certificate(tmp_path / "made.pem", subject, mask)
    certificates["/usr/local/share/ca-certificates/again.crt"] = certificates[path]
    certificates["/usr/local/share/ca-certificates/two.crt"] = ONE + ONE
    certificates["/usr/local/share/ca-certificates/none.crt"] = b"no certificate"
    for path, content in certificates.items():
        (directory / pem_name(path)).write_bytes(content)
    subprocess.run(["openssl", "rehash", directory], check=False, capture_output=True)
    made = {name: link for name, link in certificate_links(certificates).items() if not name.endswith(".pem")}
    assert made == links_in(directory)
    assert len({name.partition(".")[0] for name in made}) == len(SUBJECTS), "one hash in all encodings"


def test_a_kept_certificate_has_its_hash() -> None:
    (encoded,) = certificates_in(ONE)
    assert subject_hash(encoded) == "a15ab8c0"  # openssl x509 -noout -subject_hash
    assert certificate_links({"/usr/share/ca-certificates/m/One (CA), old.crt": ONE}) == {
        "One_=CA=__old.pem": "/usr/share/ca-certificates/m/One (CA), old.crt",
        "a15ab8c0.0": "One_=CA=__old.pem",
    }


@given(st.binary(max_size=80), st.integers(0, 400))
def test_what_is_not_a_certificate_is_refused_whatever_it_is(noise: bytes, end: int) -> None:
    (encoded,) = certificates_in(ONE)
    for broken in (noise, encoded[:end], encoded[:end] + noise):
        try:
            assert re.fullmatch("[0-9a-f]{8}", subject_hash(broken))
        except CertificateError:
            continue


def test_the_key_store_is_keytools_except_for_the_time() -> None:
    kept = (KEPT / "one.jks").read_bytes()
    made = java_keystore({"One_CA.pem": certificates_in(ONE)[0]})
    time = slice(36, 44)
    assert len(made) == len(kept)
    assert made[: time.start] + kept[time] + made[time.stop : -20] == kept[:-20]
    assert made[time] == bytes(8)
    salt = "changeit".encode("utf-16-be") + b"Mighty Aphrodite"
    assert [data[-20:] for data in (kept, made)] == [hashlib.sha1(salt + data[:-20]).digest() for data in (kept, made)]

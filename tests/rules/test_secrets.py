"""What looks like a secret, and what only mentions one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysimage.process import run
from sysimage.rules.secrets import SecretScanner, is_allowed, secret_in, secret_name

GITHUB = "ghp_" + "a1B2" * 9
AWS = "AKIA" + "Z" * 16


def generated(*command: str) -> bytes:
    return run(list(command)).stdout


@pytest.mark.programs
@pytest.mark.parametrize(
    "command",
    [
        ("openssl", "genrsa", "1024"),
        ("openssl", "genrsa", "-traditional", "1024"),
        ("openssl", "genpkey", "-algorithm", "ed25519"),
        ("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"),
        ("openssl", "genrsa", "-traditional", "-aes128", "-passout", "pass:x", "1024"),
    ],
)
def test_private_keys_are_seen_in_every_form_and_in_json(command: tuple[str, ...]) -> None:
    key = generated(*command)
    assert secret_in(b"x" * 100 + key) == "a private key"
    assert secret_in(key.replace(b"\n", b"\\n")) == "a private key"
    assert secret_in(key.replace(b"\n", b"\r\n")) == "a private key"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"token = '{GITHUB}'", "a token of GitHub"),
        (f"{AWS}\n", "an access key of AWS"),
        ("github_pat_" + "a" * 22 + "_" + "b" * 59, "a token of GitHub"),
        ("glpat-" + "x" * 20, "a token of GitLab"),
        ("xoxb-12345678-" + "x" * 16, "a token of Slack"),
        ("sk_live_" + "a" * 24, "a key of Stripe"),
        ("npm_" + "a" * 36, "a token of npm"),
        ("pypi-AgEI" + "_" * 50, "a token of PyPI"),
        ("AIza" + "-" * 35, "a key of Google"),
        ("AGE-SECRET-KEY-1" + "Q" * 58, "a private key"),
        ("PuTTY-User-Key-File-3: ssh-ed25519", "a private key"),
    ],
)
def test_tokens_are_named_by_their_issuer(text: str, what: str) -> None:
    assert secret_in(text.encode()) == what
    if not text.startswith(("PuTTY", "token", AWS)):
        assert secret_in(text[:-1].encode()) is None, "one character less"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"password = hunter2",
        b"-----BEGIN CERTIFICATE-----\nMIIB",
        b"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ",
        b"begins with -----BEGIN RSA PRIVATE KEY----- and ends with another line",
        b"-----BEGIN %s PRIVATE KEY-----\0-----END",
        b"AKIA is a prefix",
        b"ghp_short",
    ],
)
def test_what_only_mentions_a_secret_is_not_a_secret(text: bytes) -> None:
    assert secret_in(text) is None


@given(st.binary(max_size=3000), st.integers(1, 700), st.binary(max_size=3000))
def test_a_secret_is_found_wherever_the_pieces_are_cut(before: bytes, size: int, after: bytes) -> None:
    data = before + b" " + AWS.encode() + b" " + after
    scanner = SecretScanner()
    for start in range(0, len(data), size):
        scanner.feed(data[start : start + size])
    assert scanner.found is not None


@pytest.mark.parametrize(
    ("names", "holds"),
    [
        (".env .env.local .env.example.local", "variables, often with passwords"),
        (".git", "a repository with all its history"),
        (".netrc .pgpass .git-credentials vault.kdbx", "passwords"),
        (".npmrc .pypirc", "often a token"),
        (".htpasswd", "hashes of passwords"),
        (".aws", "keys of an account"),
        (".ssh .gnupg x.p12 x.pfx store.jks x.keystore", "keys"),
        (".kube", "keys of a cluster"),
        (".docker", "passwords of registries"),
        ("site.pem .pem", "keys or certificates"),
        ("a.key", "a key"),
        ("id_rsa id_ id_ed25519", "a key of SSH"),
    ],
)
def test_names_that_say_secret(names: str, holds: str) -> None:
    assert {name: secret_name(name) for name in names.split()} == dict.fromkeys(names.split(), holds)


@pytest.mark.parametrize(
    "name",
    [
        *("id_rsa.pub", "x.pub", ".env.example", ".env.sample", ".env.template", ".env.dist", "id_map.py", "id_."),
        *("env", "keys.txt", ".gitignore", "a.pem.md", "ID_RSA", "x.Key", ""),
    ],
)
def test_names_that_say_nothing(name: str) -> None:
    assert secret_name(name) is None


def test_a_pattern_allows_what_is_below_a_directory() -> None:
    assert is_allowed("/srv/a/.git/config", ("/srv/a/.git",))
    assert is_allowed("/srv/a/x.pem", ("/srv/*.pem",))
    assert is_allowed("/srv/a/x.pem", ("/opt", "/srv"))
    assert is_allowed("/srv", ("/*",))
    assert not is_allowed("/srv/a/x.pem", ("/srv/a/y.pem", "/srv/b", "/", "/srv/a/x.pem/z", "srv"))
    assert not is_allowed("/srv/a/x.pem", ())

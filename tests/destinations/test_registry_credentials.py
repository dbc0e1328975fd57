"""Credentials, wherever `login` of Docker and Podman leaves them and however it spells the registry."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest

from sysimage.destinations.registry import Credentials, ImageReference, Repository, auth_files, find_credentials
from sysimage.errors import RegistryError


def encoded(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def repository(text: str) -> Repository:
    return ImageReference.parse(text).repository


def written(path: Path, **config: object) -> Path:
    path.write_text(json.dumps(config))
    return path


def test_credentials_are_found_where_podman_and_docker_leave_them(tmp_path: Path) -> None:
    podman = written(tmp_path / "auth.json", auths={"h.test/team": encoded("team", "t"), "h.test": encoded("all", "a")})
    docker = written(tmp_path / "config.json", auths={"https://d.test/v1/": encoded("docker", "d:d")})
    files = [tmp_path / "missing.json", podman, docker]

    assert find_credentials(repository("h.test/team/web"), files) == Credentials("team", "t")
    assert find_credentials(repository("h.test/other/web"), files) == Credentials("all", "a")
    assert find_credentials(repository("d.test/x"), files) == Credentials("docker", "d:d")
    assert find_credentials(repository("nobody.test/x"), files) is None


@pytest.mark.parametrize(
    "key",
    ["h.test:5000", "http://h.test:5000", "https://h.test:5000/", "https://h.test:5000/v2/", "h.test:5000/v1/",
     "H.Test:5000", "h.test:5000/team/", "https://h.test:5000/team/web"],
)  # fmt: skip
def test_a_key_is_read_with_a_scheme_a_path_and_a_slash_at_its_end(tmp_path: Path, key: str) -> None:
    config = written(tmp_path / "config.json", auths={key: encoded("me", "s")})
    assert find_credentials(repository("h.test:5000/team/web"), [config]) == Credentials("me", "s")
    assert find_credentials(repository("h.test:5001/team/web"), [config]) is None


@pytest.mark.parametrize(
    "key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io", "docker.io/team"]
)
@pytest.mark.parametrize("name", ["docker.io/team/web", "index.docker.io/team/web", "docker://team/web"])
def test_dockers_hub_is_one_registry_in_all_its_spellings(tmp_path: Path, key: str, name: str) -> None:
    config = written(tmp_path / "config.json", auths={key: encoded("me", "s")})
    assert find_credentials(repository(name), [config]) == Credentials("me", "s")


class Helper:
    """A credential helper that is a real program."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")

    def says(self, script: str) -> None:
        program = self.directory / "docker-credential-vault"
        program.write_text(f'#!/bin/sh\nread -r server\necho "$server" > {self.directory}/asked\n{script}\n')
        program.chmod(0o755)

    @property
    def asked(self) -> str:
        return (self.directory / "asked").read_text().strip()


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Helper:
    (tmp_path / "bin").mkdir()
    return Helper(tmp_path / "bin", monkeypatch)


def test_a_helper_is_asked_before_the_file_is_believed(tmp_path: Path, helper: Helper) -> None:
    helper.says("""echo '{"Username": "u", "Secret": "s"}'""")
    config = written(
        tmp_path / "config.json", credHelpers={"https://h.test": "vault"}, auths={"h.test": encoded("no", "no")}
    )
    assert find_credentials(repository("h.test/x"), [config]) == Credentials("u", "s")
    assert helper.asked == "h.test"
    hub = written(tmp_path / "hub.json", credsStore="vault")
    assert find_credentials(repository("docker.io/x"), [hub]) == Credentials("u", "s")
    assert helper.asked == "https://index.docker.io/v1/"


def test_a_helper_finds_what_it_needs_in_the_users_environment(tmp_path: Path, helper: Helper) -> None:
    helper.says("""echo "{\\"Username\\": \\"$HOME\\", \\"Secret\\": \\"$AWS_PROFILE\\"}" """)
    config = written(tmp_path / "config.json", credsStore="vault")
    found = find_credentials(repository("h.test/x"), [config], {"HOME": "/home/me", "AWS_PROFILE": "work"})
    assert found == Credentials("/home/me", "work")


@pytest.mark.parametrize(
    "script",
    ["""echo '{"Username": "", "Secret": ""}'""", "echo 'credentials not found in native keychain'; exit 1"],
    ids=["empty", "none kept"],
)
def test_a_helper_without_credentials_is_not_a_reason_to_stop(tmp_path: Path, helper: Helper, script: str) -> None:
    helper.says(script)
    config = written(tmp_path / "config.json", credsStore="vault")
    assert find_credentials(repository("h.test/x"), [config]) is None
    config = written(tmp_path / "both.json", credsStore="vault", auths={"h.test": encoded("me", "s")})
    assert find_credentials(repository("h.test/x"), [config]) == Credentials("me", "s")


def test_an_identity_token_of_a_helper_is_one(tmp_path: Path, helper: Helper) -> None:
    helper.says("""echo '{"Username": "<token>", "Secret": "refresh"}'""")
    config = written(tmp_path / "config.json", credsStore="vault")
    assert find_credentials(repository("h.test/x"), [config]) == Credentials("", "", "refresh")


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("echo 'the vault is \\033[31mlocked' ; exit 1", r"the vault is \\u001b\[31mlocked"),
        ("echo 'no network' >&2; exit 2", "no network"),
        ("exit 3", "it ended with status 3"),
        ("echo nonsense", "it did not print credentials"),
        ("""echo '{"Username": "u"}'""", "it did not print credentials"),
        ("""echo '{"Username": "u", "Secret": 1}'""", "it did not print credentials"),
        ("""echo '{"Username": 1, "Secret": "s"}'""", "it did not print credentials"),
        ("echo out; echo err >&2; exit 1", r": out\\u000aerr$"),
        ("kill -9 $$", r"it ended with status -9$"),
    ],
)
def test_a_helpers_own_words_are_passed_on_with_the_file_that_names_it(
    tmp_path: Path, helper: Helper, script: str, cause: str
) -> None:
    helper.says(script)
    config = written(tmp_path / "config.json", credHelpers={"h.test": "vault"})
    with pytest.raises(RegistryError, match=cause) as caught:
        find_credentials(repository("h.test/x"), [config])
    assert f"docker-credential-vault, which {config} names" in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_helper_that_is_not_installed_is_named_with_its_file(tmp_path: Path) -> None:
    config = written(tmp_path / "config.json", credsStore="nowhere")
    with pytest.raises(RegistryError, match=f"docker-credential-nowhere, which {config} names: it is not installed"):
        find_credentials(repository("h.test/x"), [config])


@pytest.mark.parametrize(
    "content",
    ["{", '{"auths": {"h.test": {"auth": "c3Vw!"}}}', '{"auths": {"h.test": {"auth": "eA=="}}}', "[" * 200_000,
     '{"auths": {"h.test": {"auth": "€"}}}'],
    ids=["no JSON", "no base 64", "no colon", "deep", "no ASCII"],
)  # fmt: skip
def test_credentials_that_cannot_be_read_are_an_error_that_does_not_show_them(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)

    with pytest.raises(RegistryError, match="cannot read") as caught:
        find_credentials(repository("h.test/x"), [tmp_path / "config.json"])
    assert "c3Vw" not in str(caught.value)
    assert str(tmp_path / "config.json") in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ({"username": "u", "password": "p"}, Credentials("u", "p")),
        ({"username": "u", "password": "p", "identitytoken": "t", "auth": ""}, Credentials("u", "p", "t")),
        ({"identitytoken": "t"}, Credentials("", "", "t")),
        ({"identitytoken": "t", "username": "", "password": "p"}, Credentials("", "", "t")),
        ({"identitytoken": "t", "username": "u", "password": 1}, Credentials("", "", "t")),
        ({**encoded("u", "p\0\0"), "identitytoken": "t"}, Credentials("u", "p", "t")),
        ({**encoded("u", "p"), "username": "other", "password": "other"}, Credentials("u", "p")),
        ({**encoded("", "p")}, Credentials("", "p")),
        ({"username": 1, "password": "p"}, None),
        ({"username": "u"}, None),
        ({}, None),
        ("me:s", None),
    ],
)
def test_an_entry_holds_user_and_password_in_one_text_or_two_or_a_token(
    tmp_path: Path, entry: object, found: Credentials | None
) -> None:
    config = written(tmp_path / "config.json", auths={"h.test": entry})
    assert find_credentials(repository("h.test/x"), [config]) == found
    if found is None:
        other = written(tmp_path / "other.json", auths={"h.test": encoded("o", "p")})
        assert find_credentials(repository("h.test/x"), [config, other]) == Credentials("o", "p")


@pytest.mark.parametrize("config", [[], 1, None, {"auths": []}, {"auths": None, "credHelpers": 1, "credsStore": 1}])
def test_a_file_of_another_form_holds_nothing(tmp_path: Path, config: object) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "empty.json").write_text(" \n")
    assert find_credentials(repository("h.test/x"), [tmp_path / "config.json", tmp_path / "empty.json"]) is None


@pytest.mark.parametrize(("length", "is_read"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_a_file_of_more_than_a_mebibyte_is_not_read(tmp_path: Path, length: int, is_read: bool) -> None:
    config = written(tmp_path / "config.json", auths={"h.test": encoded("me", "s")})
    config.write_text(config.read_text().ljust(length))
    if is_read:
        assert find_credentials(repository("h.test/x"), [config]) == Credentials("me", "s")
        return
    with pytest.raises(RegistryError) as caught:
        find_credentials(repository("h.test/x"), [config])
    assert caught.value.message == f"cannot read credentials from {config}: it is not readable JSON"
    assert caught.value.hint == "mend that file, or name another with REGISTRY_AUTH_FILE"


@pytest.mark.parametrize("text", ["bWU6cw", "bWU!6cw==", "bWU=", "bWU6/w==", 1])
def test_an_entry_that_is_not_user_and_password_is_named(tmp_path: Path, text: object) -> None:
    config = written(tmp_path / "config.json", auths={"https://H.test/v1/": {"auth": text}})
    with pytest.raises(RegistryError) as caught:
        find_credentials(repository("h.test/x"), [config])
    assert caught.value.message == (
        f"cannot read the credentials for https://H.test/v1/ in {config}: they are not base 64 of user:password"
    )
    assert caught.value.hint == "mend that file, or name another with REGISTRY_AUTH_FILE"


def test_a_registrys_own_helper_comes_before_the_general_one_and_may_switch_it_off(
    tmp_path: Path, helper: Helper
) -> None:
    helper.says("""echo '{"Username": "u", "Secret": "s"}'""")
    auths = {"h.test": encoded("me", "s")}
    for config, found in (
        ({"credHelpers": {"h.test": "vault"}, "credsStore": "none"}, Credentials("u", "s")),
        ({"credHelpers": {"h.test": ""}, "credsStore": "vault"}, Credentials("me", "s")),
        ({"credHelpers": {"h.test": 1}, "credsStore": "vault"}, Credentials("u", "s")),
        ({"credHelpers": {"other.test": ""}, "credsStore": "vault"}, Credentials("u", "s")),
        ({"credsStore": ""}, Credentials("me", "s")),
        ({"credsStore": 1}, Credentials("me", "s")),
    ):
        file = written(tmp_path / "config.json", auths=auths, **config)
        assert find_credentials(repository("h.test/x"), [file]) == found, config


@pytest.mark.parametrize("name", ["../x", "a/b", "a\0b"])
def test_a_helper_is_a_program_of_the_path(tmp_path: Path, name: str) -> None:
    config = written(tmp_path / "config.json", credsStore=name)
    with pytest.raises(RegistryError, match=r": its name is not valid$") as caught:
        find_credentials(repository("h.test/x"), [config])
    assert caught.value.hint == "mend that file, or name another with REGISTRY_AUTH_FILE"


def test_a_password_of_any_letters_becomes_a_header() -> None:
    header = Credentials("mé", "pass€word").basic()
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "mé:pass€word"


def test_credentials_are_not_shown_where_they_are_printed_by_mistake() -> None:
    credentials = Credentials("me", "s3cret", "token")
    assert repr(credentials) == "Credentials()"
    assert credentials.basic() == "Basic bWU6czNjcmV0"


def test_the_places_of_credentials_follow_the_environment() -> None:
    home = Path("/home/me")

    assert auth_files({}, home) == (home / ".config/containers/auth.json", home / ".docker/config.json")
    named = {"XDG_RUNTIME_DIR": "/run/me", "DOCKER_CONFIG": "/d", "XDG_CONFIG_HOME": "/c"}
    assert auth_files(named, home) == (
        Path("/run/me/containers/auth.json"),
        Path("/c/containers/auth.json"),
        Path("/d/config.json"),
    )
    assert auth_files({**named, "REGISTRY_AUTH_FILE": "/only"}, home) == (Path("/only"),)
    assert auth_files(dict.fromkeys((*named, "REGISTRY_AUTH_FILE"), ""), home) == auth_files({}, home)

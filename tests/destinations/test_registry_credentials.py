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


def test_a_password_of_any_letters_becomes_a_header() -> None:
    header = Credentials("mé", "pass€word").basic()
    assert base64.b64decode(header.removeprefix("Basic ")).decode() == "mé:pass€word"


def test_the_places_of_credentials_follow_the_environment() -> None:
    home = Path("/home/me")

    assert auth_files({}, home) == (home / ".config/containers/auth.json", home / ".docker/config.json")
    assert auth_files({"XDG_RUNTIME_DIR": "/run/me", "DOCKER_CONFIG": "/d"}, home)[0::2] == (
        Path("/run/me/containers/auth.json"),
        Path("/d/config.json"),
    )
    assert auth_files({"REGISTRY_AUTH_FILE": "/only"}, home) == (Path("/only"),)

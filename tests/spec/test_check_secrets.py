"""What looks like a secret is found wherever a spec can hold a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import Issue, SpecError
from sysimage.spec.parse import parse_spec, spec_of_value

TOKEN = "ghp_" + "a1B2" * 9

SPEC: dict[str, Any] = {"name": "web", "packages": ["nginx"]}
PLACES: dict[str, dict[str, Any]] = {
    "/environment/TOKEN": {"environment": {"TOKEN": TOKEN}},
    "/labels/org.example.token": {"labels": {"org.example.token": f"x {TOKEN}"}},
    "/files/~1etc~1token": {"files": {"/etc/token": {"text": TOKEN}}},
    "/services/app/environment/TOKEN": {"services": {"app": {"command": ["app"], "environment": {"TOKEN": TOKEN}}}},
    "/services/app/command/1": {"services": {"app": {"command": ["app", f"--token={TOKEN}"]}}},
    "/services/app/ready/command/2": {
        "services": {"app": {"command": ["app"], "ready": {"command": ["curl", "-H", f"Authorization: {TOKEN}"]}}}
    },
    "/entry-point/1": {"entry-point": ["app", TOKEN]},
    "/command/0": {"entry-point": ["app"], "command": [TOKEN]},
    "/health-check/command/1": {"health-check": {"command": ["check", TOKEN]}},
    "/debconf/app~1token": {"debconf": {"app/token": TOKEN}},
    "/units/nginx/Service/Environment": {
        "enable": ["nginx"],
        "units": {"nginx": {"Service": {"Environment": f"TOKEN={TOKEN}"}}},
    },
}


def issues(value: dict[str, Any], directory: Path) -> list[Issue]:
    with pytest.raises(SpecError) as caught:
        spec_of_value({**SPEC, **value}, directory)
    return list(caught.value.issues)


@pytest.mark.parametrize(("place", "value"), PLACES.items(), ids=PLACES)
def test_a_token_is_an_error_at_its_place(place: str, value: dict[str, Any], tmp_path: Path) -> None:
    (issue,) = issues(value, tmp_path)
    assert issue.where == place
    assert issue.message.startswith("contains a token of GitHub, which all users of the image could read")


@pytest.mark.parametrize(("place", "value"), PLACES.items(), ids=PLACES)
def test_what_the_error_says_allows_it(place: str, value: dict[str, Any], tmp_path: Path) -> None:
    (issue,) = issues(value, tmp_path)
    allowed = json.loads(issue.message.partition('"allow-secrets": ')[2].partition("]")[0] + "]")
    spec_of_value({**SPEC, **value, "allow-secrets": allowed}, tmp_path)


KEY = "contains a token of GitHub, which all users of the image could read; let the service read it when it starts, "


@pytest.mark.parametrize("size", [0, 2**20 - 20, 3 * 2**20])
def test_a_file_beside_the_spec_is_looked_through(size: int, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("-" * size + f" {TOKEN} -")
    value = {"files": {"/etc/app/conf": {"source": "conf"}, "/etc/other": {"text": TOKEN}}}
    assert [(issue.where, issue.message) for issue in issues(value, tmp_path)] == [
        (f"/files/~1etc~1{name}", f'{KEY}or say "allow-secrets": ["/etc/{path}"] if it is meant to be public')
        for name, path in (("app~1conf", "app/conf"), ("other", "other"))
    ]
    assert [issue.where for issue in issues({**value, "allow-secrets": ["/etc/app"]}, tmp_path)] == [
        "/files/~1etc~1other"
    ]
    spec_of_value({**SPEC, **value, "allow-secrets": ["/etc/*"]}, tmp_path)


def test_only_files_that_are_there_are_looked_through(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    found = issues({"files": {f"/{name}": {"source": name} for name in ("dir", "none")}}, tmp_path)
    assert [issue.message.partition(";")[0] for issue in found] == [
        "is a directory",
        "there is no file none beside the spec",
    ]
    text = {**SPEC, "files": {"/a": {"source": "a"}}}
    assert parse_spec(json.dumps(text)).files["/a"].source == "a"


def test_each_text_with_a_secret_is_an_error_and_a_name_allows_one_of_them(tmp_path: Path) -> None:
    value = {"environment": {"A": TOKEN, "B": TOKEN}, "labels": {"A": TOKEN}, "command": ["a", TOKEN, TOKEN]}
    assert sorted(issue.where for issue in issues(value, tmp_path)) == [
        *("/command/1", "/command/2", "/environment/A", "/environment/B", "/labels/A")
    ]
    some = issues({**value, "allow-secrets": ["A", "/command/1", "/environment/B", TOKEN]}, tmp_path)
    assert sorted(issue.where for issue in some) == ["/command/2", "/environment/B"]

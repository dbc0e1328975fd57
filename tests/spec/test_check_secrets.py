"""What looks like a secret is found wherever a spec can hold a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.errors import Issue, SpecError
from sysimage.spec.parse import spec_of_value

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

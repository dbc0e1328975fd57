"""`sysimage resolve` prints the one system of a spec, which builds the same, and where each value was written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysimage import api
from sysimage.cli.main import main
from sysimage.spec import read_spec
from tests.support.documents import read_document


@pytest.fixture
def web(tmp_path: Path) -> Path:
    (tmp_path / "base.json").write_text('{"packages": ["curl", "nginx"],\n "labels": {"team": "web"}}')
    spec = {
        "include": ["base.json"],
        "name": "web",
        "packages": ["python3"],
        "arguments": {"VERSION": {}},
        "tags": ["${VERSION}"],
        "variants": {"debug": {"packages": ["gdb"], "environment": {}}},
    }
    path = tmp_path / "web.json"
    path.write_text(json.dumps(spec))
    return path


def test_each_value_is_followed_by_where_it_was_written(
    web: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(web.parent)
    monkeypatch.setenv("SYSIMAGE_ARGUMENT_VERSION", "1.2")
    assert main(["resolve", "--variant", "debug", "--set", "max-layers=5", "web.json"]) == 0
    lines = [line.split("  // ") for line in capsys.readouterr().out.splitlines()]
    said = {text.strip(): origin for text, origin in (line for line in lines if len(line) == 2)}
    assert said['"curl",'] == "base.json:1:15"
    assert said['"gdb"'].startswith("web.json:1:")
    assert said['"gdb"'].endswith(" (variant debug)")
    assert said['"tags": ["1.2"],'].startswith("web.json:1:")
    assert said['"max-layers": 5'] == "--set max-layers=5"


def test_what_is_printed_is_a_spec_of_the_same_system(web: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choices = ["--variant", "debug", "--argument", "VERSION=3"]
    assert main(["resolve", *choices, str(web)]) == 0
    printed = web.with_name("printed.jsonc")
    printed.write_text(capsys.readouterr().out)
    chosen = api.SpecChoices.of(variants=["debug"], arguments={"VERSION": "3"})
    assert read_spec(printed) == read_spec(web, chosen) == api.resolve(web, choices=chosen).spec


def test_machines_get_the_spec_the_places_and_the_files(web: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resolve", "--json", "--argument", "VERSION=3", str(web)]) == 0
    document = read_document(capsys.readouterr().out)
    resolved = api.resolve(web, choices=api.SpecChoices.of(arguments={"VERSION": "3"}))
    assert document == {
        "kind": "resolve",
        "format_version": 1,
        "value": resolved.value,
        "origins": resolved.origins,
        "files": [str(web.with_name("base.json"))],
    }
    assert document["origins"]["/labels/team"] == f"{web.with_name('base.json')}:2:13"


def test_a_mapping_is_composed_as_a_file_is(web: Path) -> None:
    chosen = api.SpecChoices.of(set={"max-layers": 7, "labels": {"a": "b"}})
    resolved = api.resolve({"include": ["base.json"], "name": "x"}, directory=web.parent, choices=chosen)
    assert (resolved.spec.max_layers, resolved.spec.labels) == (7, {"a": "b"})
    assert resolved.spec.packages == ("curl", "nginx")
    with pytest.raises(api.SpecError) as caught:
        api.resolve({"include": ["base.json"], "name": "X"}, directory=web.parent)
    assert [(issue.where, issue.line, issue.file) for issue in caught.value.issues] == [("/name", None, None)]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--argument", "VERSION"], "must be NAME=VALUE, such as VERSION=1.2, not 'VERSION'"),
        (["--set", "max-layers"], "must be KEY=VALUE"),
        (["--variant", "debg"], "--variant debg: there is no such variant: there are debug (did you mean 'debug'?)"),
    ],
)
def test_a_wrong_choice_is_a_wrong_spec(
    web: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    assert main(["resolve", "--argument", "VERSION=1", *flags, str(web)]) == 2
    assert message in capsys.readouterr().err


def test_images_have_nothing_to_choose_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "web.tar"
    image.write_bytes(b"")
    assert main(["run", "--variant", "debug", str(image)]) == 2
    assert "it is an image, not a spec" in capsys.readouterr().err

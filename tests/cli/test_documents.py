"""Every verb's document is what its schema says, and the schemas in docs/ are those of the program."""

from __future__ import annotations

import argparse
import json
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sysimage.cli import main
from sysimage.cli.main import command_line
from sysimage.documents.schema import document_schema, documents, schema_names
from sysimage.spec import parse_spec
from sysimage_bootstrap.packages.default_packages import base_packages
from tests.bootstrap.archive.fake_archive import FakeSuite, Keys, serve, stanza
from tests.destinations.registry_server import running
from tests.support.documents import read_document, read_progress

ROOT = Path(__file__).parents[2]
SPEC, IMAGE = "small.json", "small.tar"
HERE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("build", ("build", "-o", IMAGE, "--record", SPEC)),
    ("builds", ("build", SPEC, "other.json")),
    ("build-index", ("build", "--platform", "linux/amd64,linux/arm64", "-o", "both.tar", SPEC)),
    ("plan", ("plan", SPEC)),
    ("plan", ("plan", "--scripts", "--left-out", SPEC)),
    ("plans", ("plan", SPEC, "other.json")),
    ("resolve", ("resolve", SPEC)),
    ("lint", ("lint", SPEC, "other.json")),
    ("migrate", ("migrate", SPEC)),
    ("init", ("init", "new.json")),
    ("init", ("init", "--from", "Dockerfile", "made.json")),
    ("explain", ("explain", "services.ready")),
    ("keys", ("explain",)),
    ("verify", ("verify", IMAGE)),
    ("inspect", ("inspect", IMAGE)),
    ("diff", ("diff", "--no-changelogs", IMAGE, IMAGE)),
    ("diff", ("diff", "--no-changelogs", SPEC, SPEC)),
    ("why", ("why", IMAGE, "bash-5.2")),
    ("size", ("size", IMAGE)),
    ("tree", ("tree", IMAGE)),
    ("report", ("report", "-o", "page.html", IMAGE)),
    ("copy", ("copy", IMAGE, "copied.tar")),
    ("copy", ("push", IMAGE, "{registry}/small:1")),
    ("tags", ("tags", "{registry}/small")),
    ("cache", ("cache",)),
    ("cache-layers", ("cache", "--layers")),
    ("cache-verify", ("cache", "verify")),
    ("cache-prune", ("cache", "prune")),
    ("error", ("inspect", "nothing.tar")),
)
"""What each command prints; they run one after another."""
OF_AN_ARCHIVE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("search", ("search", "nginx")),
    ("show", ("show", "nginx")),
    ("which", ("which", "ls")),
    ("lock", ("lock", "--no-changelogs", "debian.json")),
    ("lock", ("lock", "--no-changelogs", "debian.json")),
    ("locks", ("lock", "--no-changelogs", "--platform", "linux/amd64,linux/arm64", "debian.json")),
    ("locks", ("lock", "--no-changelogs", "debian.json", "other.json")),
    ("diff", ("diff", "--no-changelogs", "debian.lock.json", "debian.json")),
    ("diff", ("diff", "--no-changelogs", "other.lock.json", "debian.lock.json")),
)
OF_A_RUN = {"test"}
"""Documents that need what boots an image: `tests/clients/test_runners.py` and `vmtests/` read them."""


@pytest.mark.slow
def test_every_verb_prints_what_its_schema_says(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "other.json").write_text(Path(SPEC).read_text().replace('"small"', '"other"'))
    (workspace / "Dockerfile").write_text("FROM debian\nRUN make install\n")
    with running() as registry:
        for kind, words in HERE:
            said = [word.replace("{registry}", registry.address) for word in words]
            status = main([said[0], "--json", *said[1:]])
            printed = capsys.readouterr()
            assert status == (2 if kind == "error" else 0), (words, printed.err)
            assert read_document(printed.out)["kind"] == kind, words


@pytest.mark.programs
def test_every_verb_that_asks_the_archive_prints_what_its_schema_says(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    # A short path: the agent's socket is in it, and sockets' names may have 108 bytes.
    with tempfile.TemporaryDirectory(prefix="gpg-") as home, serve({}) as server:
        keys = Keys(Path(home, "h"))
        keys.make("good")
        suite = FakeSuite(keys, server.files, date=now - timedelta(hours=1), valid_until=now + timedelta(days=7))
        names = ("nginx", *base_packages(parse_spec('{"name": "x", "packages": []}')))
        suite.packages = tuple(stanza(name, architecture="all") for name in names)
        suite.more_architectures = ("arm64",)
        suite.contents = "usr/bin/ls utils/coreutils\n"
        suite.publish()
        monkeypatch.setenv("SYSIMAGE_ARCHIVE", f"{server.uri}/debian")
        monkeypatch.setenv("SYSIMAGE_SUITE", "trixie")
        monkeypatch.setenv("SYSIMAGE_KEYRING", str(keys.keyring(workspace / "keys.gpg", "good")))
        sources = {"suites": ["trixie"]}
        for name, packages in (("debian", ["nginx"]), ("other", [])):
            spec = {"name": name, "packages": packages, "package-sources": sources}
            Path(f"{name}.json").write_text(json.dumps(spec))
        for kind, words in OF_AN_ARCHIVE:
            status = main([words[0], "--json", *words[1:]])
            printed = capsys.readouterr()
            assert status == 0, (words, printed.err)
            assert read_document(printed.out)["kind"] == kind, words
        keys.stop()


def test_no_verb_and_no_document_is_forgotten() -> None:
    verbs = next(action for action in command_line()._actions if isinstance(action, argparse._SubParsersAction))
    with_json = {name for name, parser in verbs.choices.items() if "--json" in parser._option_string_actions}
    seen = [*HERE, *OF_AN_ARCHIVE, *((name, (name,)) for name in OF_A_RUN)]
    assert {words[0] for _, words in seen} == with_json
    assert {kind for kind, _ in seen} == documents().keys()


def test_a_schema_is_printed_as_it_is_in_docs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "build"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "schemas" / "build.schema.json").read_text()


def test_docs_have_no_other_schema_and_the_page_names_each() -> None:
    folder = ROOT / "docs" / "schemas"
    assert {path.name.removesuffix(".schema.json") for path in folder.iterdir()} == set(schema_names())
    page = (ROOT / "docs" / "json.md").read_text()
    assert [name for name in schema_names() if f"(schemas/{name}.schema.json)" not in page] == []


def test_lines_of_progress_are_what_their_schema_says(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--progress", "json", "-o", IMAGE, SPEC]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert {read_progress(line)["stage"] for line in lines} >= {"layers"}


def test_every_field_has_one_meaning() -> None:
    """A word for bytes is a number of bytes wherever it is, a plural is never a number."""
    for name in documents():
        schema = document_schema(name)
        for part in (schema, *schema.get("$defs", {}).values()):
            for field, value in part.get("properties", {}).items():
                kinds = {one.get("type") for one in value.get("anyOf", [value])} - {"null", None}
                if field.endswith(("size", "_count")):
                    assert kinds <= {"integer", "number"}, (name, field)
                elif field in ("created", "digest", "image_id", "diff_id", "platform", "output"):
                    assert kinds == {"string"}, (name, field)
                elif kinds & {"integer", "number"}:
                    assert not field.endswith("s") or field == "exit_status" or field == "max_layers", (name, field)

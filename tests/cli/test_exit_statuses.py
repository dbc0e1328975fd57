"""The same mistake ends every verb with the same status."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from sysimage.cli import main
from tests.support.builds import small_spec

OF_AN_IMAGE = {
    "inspect": ("inspect", "@"),
    "verify": ("verify", "@"),
    "report": ("report", "-o", "page.html", "@"),
    "run": ("run", "@", "true"),
    "shell": ("shell", "@"),
    "test": ("test", "--in", "namespaces", "@"),
    "size": ("size", "@"),
    "tree": ("tree", "@"),
    "why": ("why", "@", "x"),
    "diff, old": ("diff", "@", "small.tar"),
    "diff, new": ("diff", "small.tar", "@"),
    "push": ("push", "@", "127.0.0.1:1/x/y:1"),
    "copy": ("copy", "@", "new.tar"),
    "build --previous": ("build", "-o", "new.tar", "--previous", "@", "small.json"),
}
OF_A_SPEC = {
    "build": ("build", "@"),
    "plan": ("plan", "@"),
    "lock": ("lock", "@"),
    "resolve": ("resolve", "@"),
    "lint": ("lint", "@"),
    "migrate": ("migrate", "@"),
    "size": ("size", "@"),
    "tree": ("tree", "@"),
    "why": ("why", "@", "x"),
    "diff": ("diff", "@", "small.json"),
    "run": ("run", "@"),
    "shell": ("shell", "@"),
    "test": ("test", "--in", "namespaces", "@"),
}
"""By verb, with @ for what is wrong."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with what is right, and what is wrong in one way each."""
    place = tmp_path_factory.mktemp("places")
    small_spec(place)
    words = ["build", "-q", "--cache-dir", str(place / "cache"), "-o", str(place / "small.tar")]
    assert main([*words, str(place / "small.json")]) == 0
    (place / "cut.tar").write_bytes((place / "small.tar").read_bytes()[:-20000])
    (place / "text.tar").write_text("hello\n")
    with tarfile.open(place / "other.tar", "w") as archive:
        archive.add(place / "text.tar", "hello")
    (place / "empty").mkdir()
    (place / "value.json").write_text('{"name": 5, "packages": []}')
    (place / "key.json").write_text('{"name": "x", "packages": [], "servces": {}}')
    (place / "broken.json").write_text('{"name": ')
    return place


@pytest.mark.parametrize(
    ("mistake", "verbs", "status"),
    [
        ("nothing.tar", OF_AN_IMAGE, 2),
        ("no/where/nothing.tar", OF_AN_IMAGE, 2),
        ("text.tar", OF_AN_IMAGE, 4),
        ("other.tar", OF_AN_IMAGE, 4),
        ("cut.tar", OF_AN_IMAGE, 4),
        ("empty", OF_AN_IMAGE, 4),
        ("nothing.json", OF_A_SPEC, 2),
        ("value.json", OF_A_SPEC, 2),
        ("key.json", OF_A_SPEC, 2),
        ("broken.json", OF_A_SPEC, 2),
    ],
)
def test_a_mistake_has_one_status_whichever_verb_meets_it(
    mistake: str,
    verbs: dict[str, tuple[str, ...]],
    status: int,
    places: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(places)
    monkeypatch.setenv("SYSIMAGE_CACHE_DIR", "cache")
    before = sorted(places.iterdir())
    ended = {verb: main([word.replace("@", mistake) for word in words]) for verb, words in verbs.items()}
    assert ended == dict.fromkeys(verbs, status)
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("sysimage: cannot ") == len(verbs)
    assert sorted(places.iterdir()) == before

"""The same mistake ends every verb with the same status."""

from __future__ import annotations

import tarfile
import time
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
    "test in a machine": ("test", "@"),
    "size": ("size", "@"),
    "tree": ("tree", "@"),
    "why": ("why", "@", "x"),
    "report --against": ("report", "-q", "-o", "page.html", "small.tar", "--against", "@"),
    "diff, old": ("diff", "@", "small.tar"),
    "diff, new": ("diff", "small.tar", "@"),
    "push": ("push", "@", "127.0.0.1:1/x/y:1"),
    "copy": ("copy", "@", "new.tar"),
    "build --previous": ("build", "-o", "new.tar", "--previous", "@", "small.json"),
    "build --history": ("build", "-o", "new.tar", "--history", "@", "small.json"),
    "plan --previous": ("plan", "--previous", "@", "small.json"),
    "build --from-image": ("build", "-o", "new.tar", "--from-image", "@", "small.json"),
}
RUNS = ("run", "shell", "test", "test in a machine")
OF_A_REGISTRY = {verb: words for verb, words in OF_AN_IMAGE.items() if verb not in RUNS}
OF_AN_IMAGE_ALONE = {
    verb: OF_AN_IMAGE[verb] for verb in ("inspect", "verify", "report", "push", "copy", "build --from-image")
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
    "test in a machine": ("test", "@"),
}
OF_THE_ARCHIVE = {
    "build": ("build", "-q", "-o", "new.tar", "packages.json"),
    "plan": ("plan", "packages.json"),
    "lock": ("lock", "packages.json"),
    "size": ("size", "packages.json"),
    "tree": ("tree", "packages.json"),
    "why": ("why", "packages.json", "x"),
    "diff": ("diff", "packages.json", "small.json"),
    "run": ("run", "packages.json", "true"),
    "shell": ("shell", "packages.json"),
    "test": ("test", "--in", "namespaces", "packages.json"),
    "search": ("search", "nginx"),
    "show": ("show", "nginx"),
    "which": ("which", "/usr/sbin/nginx"),
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
    (place / "web.yaml").write_text("name: web\npackages:\n  - nginx\n")
    (place / "value.json").write_text('{"name": 5, "packages": []}')
    (place / "key.json").write_text('{"name": "x", "packages": [], "servces": {}}')
    (place / "packages.json").write_text('{"name": "x", "packages": ["nginx"]}')
    (place / "broken.json").write_text('{"name": ')
    return place


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is not there is asked again without a wait."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.mark.parametrize(
    ("mistake", "verbs", "status"),
    [
        ("nothing.tar", OF_AN_IMAGE, 2),
        ("no/where/nothing.tar", OF_AN_IMAGE, 2),
        ("text.tar", OF_AN_IMAGE, 4),
        ("other.tar", OF_AN_IMAGE, 4),
        ("cut.tar", OF_AN_IMAGE, 4),
        ("empty", OF_AN_IMAGE, 2),
        ("empty", OF_A_SPEC, 2),
        ("web.yaml", OF_AN_IMAGE_ALONE, 2),
        ("web.yaml", OF_A_SPEC, 2),
        ("127.0.0.1:1/team/web:1", OF_A_REGISTRY, 6),
        ("127.0.0.1:1/team/web:1", {verb: OF_AN_IMAGE[verb] for verb in RUNS}, 2),
        ("127.0.0.1:1/team/web@sha256:abc", OF_A_REGISTRY, 2),
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


@pytest.mark.programs
@pytest.mark.parametrize(
    ("flags", "status", "sentence"),
    [
        (("--archive", "http://127.0.0.1:1/debian"), 6, "cannot fetch 3 suites"),
        (("--archive", "deb.debian.org"), 2, "cannot use the archive deb.debian.org: its address is not http,"),
        (("--offline",), 6, "cannot fetch 3 suites"),
        (("--keyring", "nothing.gpg"), 2, "cannot read the keyring nothing.gpg: there is no such file"),
        (("--cache-dir", "text.tar"), 7, "cannot use the cache "),
        (("--cache-dir", "text.tar/below"), 7, "cannot use the cache "),
        (("--archiv", "x"), 2, "cannot read the command line: sysimage "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_the_archive_or_the_cache_refuses_has_one_sentence_in_every_verb(
    flags: tuple[str, ...],
    status: int,
    sentence: str,
    places: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(places)
    monkeypatch.setenv("SYSIMAGE_CACHE_DIR", str(places / "archive-cache"))
    said = {}
    for verb, (name, *words) in OF_THE_ARCHIVE.items():
        ended = main([name, *flags, *words])
        said[verb] = ended, capsys.readouterr().err.startswith(f"sysimage: {sentence}")
    assert said == dict.fromkeys(OF_THE_ARCHIVE, (status, True))

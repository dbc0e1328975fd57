"""Every verb that reads an image takes what other tools write, chooses by --platform, or says in a sentence why not."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

import pytest

from sysimage.cli.main import main
from sysimage.containers.image import open_image
from sysimage.errors import IntegrityError
from sysimage_vm.image import archive_for_guest
from tests.support.odd_images import LAYOUTS
from tests.support.raw_image import write_archive, write_directory

QUESTIONS = (
    ("verify", "-q"),
    ("inspect",),
    ("report", "-q", "-o", "page.html"),
    ("size",),
    ("tree",),
    ("why",),
    ("diff",),
)
"""The verbs that read one image."""
AFTER = {"why": ("libc6",), "diff": ("PLACE",)}
"""What they want after it."""
NO_STORE = "it has no store database that can be read"
CHOOSES = {name for name, (_, says) in LAYOUTS.items() if says and "--platform" in says}
REFUSED = {name for name, (_, says) in LAYOUTS.items() if says} - CHOOSES
WITHOUT_IMAGE = {"an index of nothing", "an artifact", "a chart", "a manifest without a config"}
"""What is copied byte for byte although it is nothing to run."""
COPIED = set(LAYOUTS) - REFUSED | WITHOUT_IMAGE | {"an index that its descriptor calls a manifest"}
ALL = sorted(LAYOUTS)
PLACES = ("layout", "archive")


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # nothing here needs the package archive


def place_of(name: str, kind: str) -> Path:
    files = LAYOUTS[name][0]
    return write_directory(files, Path("layout")) if kind == "layout" else write_archive(files, Path("image.tar"))


def ask(verb: tuple[str, ...], place: Path, *more: str) -> int:
    after = [str(place) if word == "PLACE" else word for word in AFTER.get(verb[0], ())]
    return main([*verb, *more, str(place), *after])


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", ALL)
def test_what_reads_one_image_takes_it_or_says_why_not(
    name: str, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    place = place_of(name, kind)
    says = LAYOUTS[name][1]
    for verb in QUESTIONS:
        status = ask(verb, place)
        error = capsys.readouterr().err
        if says is not None:
            assert status == 4, (verb, error)
            assert re.match(r"sysimage: cannot [a-z ]+ \S+: .", error), error
            assert says in error
        else:
            assert (status, NO_STORE in error) in ((0, False), (2, True)), (verb, error)


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", sorted(CHOOSES))
def test_a_platform_chooses_one_of_several(name: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = place_of(name, kind)
    for architecture in ("amd64", "arm64"):
        for verb in QUESTIONS:
            status = ask(verb, place, "--platform", f"linux/{architecture}")
            said = capsys.readouterr()
            assert (status, NO_STORE in said.err) in ((0, False), (2, True)), (verb, said.err)
            assert verb != ("inspect",) or re.search(rf"platform: +linux/{architecture}", said.out)
        assert main(["copy", "-q", "--platform", f"linux/{architecture}", str(place), f"{architecture}.tar"]) == 0
        assert f"linux/{architecture}" in _inspected(Path(f"{architecture}.tar"), capsys)
    assert ask(("verify",), place, "--platform", "linux/s390x") == 4
    assert "an image for linux/s390x, but: linux/amd64, linux/arm64/v8\n" in capsys.readouterr().err


def _inspected(place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["inspect", str(place)]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_runs_images_and_what_builds_on_them_say_why_not(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = place_of(name, "layout")
    says = re.sub("one image", "an image for linux/[a-z0-9]+", re.escape(LAYOUTS[name][1] or "").replace("\\ ", " "))
    Path("on.json").write_text(json.dumps({"name": "on", "packages": [], "from-image": "layout"}))
    Path("new.json").write_text(json.dumps({"name": "new", "packages": []}))
    for words in (
        ["run", str(place)],
        ["shell", str(place)],
        ["test", "-q", "--in", "namespaces", str(place)],
        ["test", "-q", "--in", "vm", str(place)],
        ["build", "-q", "-o", "on.tar", "on.json"],
        ["build", "-q", "--previous", str(place), "-o", "new.tar", "new.json"],
    ):
        assert main(words) == 4, words
        error = capsys.readouterr().err
        assert error.startswith("sysimage: cannot ")
        assert re.search(says, error), (words, error)
    assert not list(Path().glob("*.tar"))


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", ALL)
def test_a_copy_is_byte_for_byte_or_is_not_made(name: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    place = place_of(name, kind)
    status = main(["copy", "-q", str(place), "copy.tar"])
    assert main(["copy", "-q", str(place), "copy/"]) == status, capsys.readouterr().err
    is_copied = name in COPIED and name != "two platforms"  # which have no index of their own
    assert status == (0 if is_copied else 4), capsys.readouterr().err
    assert (Path("copy.tar").exists(), Path("copy").exists()) == (is_copied, is_copied)
    if is_copied:
        with tarfile.open("copy.tar") as archive:
            names = archive.getnames()
        assert ("manifest.json" in names) == (name not in WITHOUT_IMAGE), "loaders get an image, or nothing"
        blobs = {str(path.relative_to("copy")) for path in Path("copy/blobs").rglob("*")}
        assert set(names) >= blobs or "refers" in name, "an archive is one image, without what refers to it"


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("name", ALL)
def test_what_runs_is_the_image_for_the_machine(name: str, kind: str) -> None:
    """A container on this machine, and the archive that goes into the virtual one."""
    place = place_of(name, kind)
    if name in REFUSED:
        with pytest.raises(IntegrityError), open_image(place, machine="linux/amd64"):
            pass
        with pytest.raises(IntegrityError), archive_for_guest(place):
            pass
        return
    with open_image(place, machine="linux/amd64") as image:
        assert image.documents.config.architecture == "amd64"
    with archive_for_guest(place) as archive:
        assert (archive.config["architecture"], archive.layers) == ("amd64", 1)
    if name in CHOOSES:
        with open_image(place, machine="linux/arm64") as image:
            assert image.documents.config.architecture == "arm64"

"""Several specs in one command are several images, planned together; nothing is built where one of them cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sysimage.cli.main import main
from sysimage.verify import inspect_image
from tests.support.builds import registered
from tests.support.documents import read_document
from tests.support.store_builder import StoreBuilder, small_system


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with the specs of two images of one store."""
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    for name in ("one", "two"):
        spec = {"name": name, "from-store": source, "variants": {"dated": {"labels": {"date": "today"}}}}
        (tmp_path / f"{name}.json").write_text(json.dumps(spec))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SYSIMAGE_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path


def test_each_spec_becomes_the_image_that_together_with_gives(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", "--json", "--variant", "dated", "one.json", "two.json"]) == 0
    document = read_document(capsys.readouterr().out)
    assert [image["names"] for image in document["images"]] == [["one:latest"], ["two:latest"]]
    labels = [inspect_image(Path(f"{name}-latest-amd64.oci.tar")).config.labels for name in ("one", "two")]
    assert [label["date"] for label in labels] == ["today", "today"]
    assert main(["build", "--json", "--together-with", "two.json", "-o", "alone.tar", "one.json"]) == 0
    alone = read_document(capsys.readouterr().out)
    layers = [[layer["diff_id"] for layer in image["layers"][:-1]] for image in (*document["images"], alone)]
    assert layers[0] == layers[1] == layers[2], "what both hold is divided in one way"


def test_a_layout_holds_the_images_of_all(workspace: Path) -> None:
    assert main(["build", "-q", "-o", "all/", "one.json", "two.json"]) == 0
    manifests = json.loads(Path("all/index.json").read_text())["manifests"]
    names = sorted(entry["annotations"]["io.containerd.image.name"].rpartition("/")[2] for entry in manifests)
    assert names == ["one:latest", "two:latest"]


def test_plans_of_several_are_shown_one_after_another(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "one.json", "two.json"]) == 0
    out = capsys.readouterr().out
    assert out.index("one:latest: ") < out.index("two:latest: ")
    assert main(["plan", "--json", "one.json", "two.json"]) == 0
    assert [plan["names"] for plan in read_document(capsys.readouterr().out)["plans"]] == [
        ["one:latest"],
        ["two:latest"],
    ]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["-o", "x.tar", "one.json", "two.json"], "cannot write several images to x.tar: an archive holds one"),
        (["-t", "x", "one.json", "two.json"], "cannot use --tag with several specs"),
        (["--lockfile", "x", "one.json", "two.json"], "cannot use --lockfile with several specs"),
        (["--strategy", "single", "one.json", "two.json"], "cannot plan systems together by single"),
        (["one.json", "-"], "cannot read one of several specs from standard input"),
        (["one.json", "one.json"], "cannot take one.json twice"),
        (["one.json", "same.json"], "cannot build two images called one:latest"),
        (["one.json", "none.json"], "cannot read none.json"),
        (["one.json", "two.json", "--set", "max-layers=x"], "--set max-layers=x: /max-layers"),
    ],
)
def test_what_cannot_be_for_all_is_refused_before_any_work(
    workspace: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    (workspace / "same.json").write_bytes((workspace / "one.json").read_bytes())
    assert main(["build", *flags]) == 2
    assert message in capsys.readouterr().err
    assert not list(workspace.glob("*.tar"))

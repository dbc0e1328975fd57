"""``sysimage report``: a page is written whole, where it may be."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from sysimage.cli import main
from tests.destinations.registry_server import running
from tests.support.builds import registered
from tests.support.documents import read_document
from tests.support.images import build_image


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    return build_image(folder).archive(folder / "small.tar")


def test_a_page_is_written_beside_nothing_else(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", "-q", str(archive)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["small.report.html"]
    text = (tmp_path / "small.report.html").read_text()
    assert text.startswith("<!doctype html>")
    assert '"name":"small:1.0"' in text
    assert capsys.readouterr().out == ""


def test_the_result_is_one_line_or_one_document(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "page.html"
    assert main(["report", str(archive), "-o", str(place), "--progress", "quiet"]) == 0
    assert capsys.readouterr().out.startswith(f"small:1.0 -> {place}: 5 layers, 6 items, ")
    assert main(["report", "--json", str(archive), "-o", str(place), "--progress", "quiet"]) == 0
    document = read_document(capsys.readouterr().out)
    assert document == {
        "kind": "report",
        "format_version": 1,
        "image": str(archive),
        "output": str(place),
        "size": place.stat().st_size,
        "layer_count": 5,
        "item_count": 6,
    }


def test_a_page_goes_to_standard_output(archive: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["report", str(archive), "-o", "-", "--progress", "quiet"]) == 0
    captured = capfdbinary.readouterr()
    assert captured.out.startswith(b"<!doctype html>")
    assert captured.out.endswith(b"</html>\n")
    assert captured.err.startswith(b"small:1.0 -> standard output: ")


def test_an_image_is_compared_with_itself(archive: Path, tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    assert main(["report", "-q", str(archive), "--against", str(archive), "-o", str(place)]) == 0
    assert '"changes":[],"files":[],"all_files":0' in place.read_text()
    assert '"pulled":0' in place.read_text()


@pytest.mark.parametrize("place", ["small.tar", "link", "directory"])
def test_what_is_read_and_what_is_not_a_file_is_not_written_over(
    archive: Path, tmp_path: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "small.tar"
    image.write_bytes(archive.read_bytes())
    (tmp_path / "link").symlink_to(image)
    (tmp_path / "directory").mkdir()
    assert main(["report", "-q", str(image), "-o", str(tmp_path / place)]) == 2
    assert f"cannot write {tmp_path / place}: " in capsys.readouterr().err
    assert image.read_bytes() == archive.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "status", "words"),
    [
        ("system.json", '{"name": "web"}', 2, "it is not the record of a build"),
        ("broken.json", "{", 2, "it is not the record of a build"),
        ("no.tar", "not an archive, whatever its name says" * 40, 4, "cannot read"),
        ("absent.tar", None, 2, "there is no such file"),
        ("absent.json", None, 2, "there is no such file"),
    ],
)
def test_what_is_not_an_image_is_refused_in_a_sentence(
    name: str, content: str | None, status: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    assert main(["report", "-q", str(tmp_path / name), "-o", str(tmp_path / "page.html")]) == status
    assert words in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_an_image_in_a_registry_is_reported_on_and_compared(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    layout = {info.name: content for info, content in members(archive)}
    with running() as registry:
        manifest = json.loads(layout["index.json"])["manifests"][0]
        held = {name.rpartition("/")[2]: data for name, data in layout.items() if name.startswith("blobs/")}
        registry.blobs["team/small"] = {f"sha256:{name}": data for name, data in held.items()}
        for reference in ("1.0", manifest["digest"]):
            registry.manifests[f"team/small:{reference}"] = held[manifest["digest"].partition(":")[2]]
            registry.media_types[f"team/small:{reference}"] = manifest["mediaType"]
        name = f"{registry.address}/team/small:1.0"
        assert main(["report", "-q", name, "--against", str(archive)]) == 0, capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["small-1.0.report.html"]
    assert '"pulled":0' in (tmp_path / "small-1.0.report.html").read_text()


def members(archive: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    """Files in an archive, with what they hold."""
    with tarfile.open(archive) as tar:
        found = ((info, tar.extractfile(info)) for info in tar)
        return [(info, file.read()) for info, file in found if file is not None]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A system.json of what a store beside it holds."""
    built = build_image(tmp_path)
    registered(built.closure, tmp_path / "registration")
    source = {"paths": [str(built.closure.roots[0])], "source": "registration", "location": "store"}
    place = tmp_path / "system.json"
    place.write_text(json.dumps({"name": "top", "from-store": source}))
    return place


def test_a_plan_is_written_as_a_page(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "plan.html"
    cache = ["--cache-dir", str(tmp_path / "cache")]
    assert main(["plan", "-q", *cache, "--report", str(place), str(spec)]) == 0, capsys.readouterr().err
    text = place.read_text()
    assert '"kind":"plan","name":"top:latest"' in text
    assert '"left_out":[]' in text


def test_the_page_of_a_plan_takes_no_input_s_place(
    spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = spec.read_text()
    cache = ["--cache-dir", str(tmp_path / "cache")]
    assert main(["plan", "-q", *cache, "--report", str(spec), str(spec)]) == 2
    assert "is the spec" in capsys.readouterr().err
    (tmp_path / "other.json").write_text(text)
    page = ["--report", str(tmp_path / "plan.html")]
    assert main(["plan", "-q", *cache, *page, str(spec), str(tmp_path / "other.json")]) == 2
    assert "cannot use --report with several specs" in capsys.readouterr().err
    assert spec.read_text() == text

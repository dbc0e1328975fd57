"""One call makes an image for several platforms."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.cli import main

Spec = dict[str, Any]
BOTH = ("linux/amd64", "linux/arm64")


def test_an_index_of_images_is_what_the_command_line_makes(
    store: Path, settings: api.Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = api.build_platforms(store / "small.json", tmp_path / "a.tar", platforms=BOTH, settings=settings)
    words = ["--json", "--progress", "quiet", "--cache-dir", str(settings.cache_dir), "-o", str(tmp_path / "a.tar")]
    assert main(["build", *words, "--platform", ",".join(BOTH), str(store / "small.json")]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(api.document(built)))
    assert [str(api.inspect(built.output or "", platform=one).digest) for one in BOTH] == [
        str(image.digest) for image in built.images
    ]


def test_a_path_a_mapping_and_a_spec_name_their_platforms_themselves(
    store: Path, spec: Spec, settings: api.Settings, tmp_path: Path
) -> None:
    from sysimage.spec import parse_spec

    flagged = api.build_platforms(spec, "flagged.tar", platforms=BOTH, directory=store, settings=settings)
    several = {**spec, "architectures": ["amd64", "arm64"]}
    by_mapping = api.build_platforms(several, "mapping.tar", directory=store, settings=settings)
    value = parse_spec(json.dumps(several))
    by_value = api.build_platforms(value, "value.tar", directory=store, settings=settings)
    other_way = api.build_platforms(value, "arm.tar", platforms=BOTH[1:], directory=store, settings=settings)
    assert {flagged.digest, by_mapping.digest, by_value.digest} == {flagged.digest}
    assert [image.digest for image in other_way.images] == [flagged.images[1].digest]
    again = api.build_platforms(several, "mapping.tar", directory=store, continue_from_replaced=True, settings=settings)
    assert again.digest == flagged.digest
    with pytest.raises(api.SpecError, match="several platforms at once"):
        api.build(several, directory=store, settings=settings)
    with pytest.raises(api.SpecError, match="none is named"):
        api.build_platforms(spec, platforms=(), directory=store, settings=settings)


def test_without_an_output_the_file_is_called_after_all_platforms(
    store: Path, spec: Spec, settings: api.Settings
) -> None:
    built = api.build_platforms(spec, platforms=BOTH, directory=store, settings=settings)
    assert built.output == Path("small-latest-amd64-arm64.oci.tar")
    assert built.shared > 0
    assert built.size == sum(path.stat().st_size for path in api_blobs(spec, store, settings))


def api_blobs(spec: Spec, store: Path, settings: api.Settings) -> list[Path]:
    """The blobs of the same images in a layout."""
    api.build_platforms(spec, "layout/", platforms=BOTH, directory=store, settings=settings)
    return list(Path("layout/blobs/sha256").iterdir())


def test_the_library_is_loaded_as_it_is_used() -> None:
    script = (
        "import sys, sysimage.api as api, sysimage.pipeline.transfer; api.copy; api.push; api.tags; api.Settings(); "
        "print([name for name in sys.modules if name.startswith(('pydantic', 'networkx'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert {name for name in api.__all__ if not hasattr(api, name)} == set()

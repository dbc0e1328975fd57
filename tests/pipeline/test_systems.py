"""Where systems come from, and what does not make another system of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage.bases import NO_BASE
from sysimage.cli.main import main
from sysimage.pipeline.options import BuildSources, DeclaredSystem
from sysimage.pipeline.systems import open_base
from sysimage.spec import parse_spec
from tests.support.builds import NO_ARCHIVE
from tests.support.documents import read_document
from tests.support.examples import ROOT, default_cache


@pytest.mark.programs
def test_flags_about_the_image_make_no_other_system(capsys: pytest.CaptureFixture[str]) -> None:
    def planned(*flags: str) -> tuple[str, int]:
        common = ["plan", "--json", "--progress", "quiet", "--cache-dir", str(default_cache())]
        assert main([*common, *flags, str(ROOT / "examples/base.json")]) == 0
        document = read_document(capsys.readouterr().out)
        return document["system"], document["max_layers"]

    system, _ = planned()
    assert planned("--max-layers", "7", "--compression", "zstd:19", "--tag", "other:1") == (system, 7)


def test_a_spec_without_a_base_begins_with_nothing(tmp_path: Path) -> None:
    spec = parse_spec('{"name": "x", "packages": []}')
    sources = BuildSources(tmp_path / "cache", NO_ARCHIVE)
    assert open_base(DeclaredSystem.of(spec, tmp_path, tmp_path / "x.lock.json"), sources) is NO_BASE

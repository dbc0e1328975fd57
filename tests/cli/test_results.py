"""What `build` and `plan` print, for a small system that was really built."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sysimage.api.documents import document, planned_document
from sysimage.api.values import BuiltImage as Built
from sysimage.api.values import Plan
from sysimage.cli import left_out, plan_text, result_card
from sysimage.cli.terminal import Terminal
from sysimage.closure import Closure
from sysimage.destinations.archive import write_archive
from sysimage.layerplan import LayerPlan, PlannedLayer, Record, plan_by, plan_layers
from sysimage.layers import Compression
from sysimage.pipeline.build import BuildResult, PlannedBuild
from sysimage.rootfs.system import LeftOutFile, SystemResult
from sysimage.spec import parse_spec
from tests.support.images import NAMES, BuiltImage, build_image

PIPED = Terminal({}, results_are_read=False, progress_is_read=False)
ON_TERMINAL = Terminal({}, results_are_read=True, progress_is_read=False)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BuiltImage:
    return build_image(tmp_path_factory.mktemp("small"))


def planned(small: BuiltImage, max_layers: int = 5) -> PlannedBuild:
    unused: Any = None
    (system,) = small.closure.roots
    return PlannedBuild(
        spec=parse_spec('{"name": "small", "packages": []}'),
        realised=SystemResult(system, None, small.closure.items, unused, (), unused),
        closure=small.closure,
        tree=small.tree,
        plan=plan_layers(small.closure, max_layers=max_layers),
        compression=Compression.parse("gzip"),
        names=NAMES,
        created=1,
        record=Record(small.closure, plan_layers(small.closure, max_layers=max_layers)),
        annotations={},
    )


def test_a_build_ends_with_name_place_size_layers_and_digest(small: BuiltImage, tmp_path: Path) -> None:
    path = tmp_path / "small.tar"
    written = write_archive(small.image, [small.blobs], path, names=NAMES)
    line = result_card.line(BuildResult(planned(small), (written,)))
    size = path.stat().st_size
    assert line.startswith(f"small:1.0 -> {path}: {size / 1000:.1f} kB, {len(small.image.layers)} layers, sha256:")
    assert line.endswith(small.image.manifest.descriptor.digest.hex)
    told = json.loads(json.dumps(document(Built.of(BuildResult(planned(small), (written,))))))
    assert told["names"] == ["small:1.0"]
    assert told["size"] == size
    assert told["output"] == str(path)
    assert told["digest"] == str(written.digest)
    assert [layer["diff_id"] for layer in told["layers"]] == [str(layer.diff_id) for layer in small.image.layers]
    assert told["store"]["item_count"] == len(small.closure)


def test_a_plan_has_a_row_for_every_layer_and_the_last_has_what_makes_a_system_of_them(small: BuiltImage) -> None:
    five, one = Plan.of(planned(small)), Plan.of(planned(small, max_layers=1))
    rows = plan_text.rows(five)
    assert five.layers[-1].customized
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(five.layers) + 1)]
    assert sum(int(row[2]) for row in rows) == len(small.closure)
    told = list(plan_text.summary(five, 80))
    assert told[0].startswith(f"small:1.0: {len(rows)} layers of at most 5, {len(small.closure)} items, ")
    assert max(map(len, told)) <= 80
    assert any(re.fullmatch(r"  first pull  about [0-9]+ s at 100 Mbit/s", line) for line in told)
    assert told[-1] == "--all shows every layer"
    assert len(plan_text.rows(one)) == 1, "the only layer holds the customization too"
    assert "and " in plan_text.rows(one)[0][4], "not every item is named"


def test_a_reason_is_printed_where_it_says_something(small: BuiltImage) -> None:
    items = sorted(str(item.path) for item in small.closure)
    alone = "bash alone: worth a layer by its size and how often it changes"
    layers = [(items[:1], alone, False), (items[:1], f"{alone}, kept from the previous plan", False)]
    layers += [(items[:2], "2 items that change together", True), (items[:1], "asked for: a group", True)]
    for paths, reason, expected in layers:
        layer = Plan.of(planned(small)).layers[0]
        layer = replace(layer, paths=tuple(paths), reason=reason)
        assert plan_text.tells(layer) == expected


def test_an_estimate_is_beside_those_of_other_rules_and_says_where_it_comes_from(small: BuiltImage) -> None:
    made = planned(small)
    dated = [replace(item, changed=(10**9 + number * 10**7,)) for number, item in enumerate(small.closure)]
    closure = Closure(dated, small.closure.roots)
    ours = replace(made, closure=closure, plan=plan_layers(closure, 5))
    told = Plan.of(ours, estimated=True)
    assert told.update_size is not None
    assert told.update_sizes_by_rule["single"] == pytest.approx(sum(item.nar_size for item in closure))
    assert told.update_size < told.update_sizes_by_rule["single"]
    assert set(told.update_sizes_by_rule) == {"single", "guix-size", "popularity"}
    text = "\n".join(plan_text.summary(told, 80))
    assert "  an update   " in text
    assert "in one layer" in text
    assert "(estimated from 26 fortnights of changes:" in text
    assert Plan.of(ours).update_size is None, "a build need not pay for it"


def test_a_plan_for_machines_names_every_path_once(small: BuiltImage) -> None:
    told = json.loads(json.dumps(document(Plan.of(planned(small)))))
    paths = [path for layer in told["layers"] for path in layer["paths"]]
    assert sorted(paths) == sorted(str(item.path) for item in small.closure)
    assert sum(layer["unpacked_size"] for layer in told["layers"]) == told["unpacked_size"]


def test_a_plan_of_more_layers_takes_longer_and_layers_that_change_more_often_too(small: BuiltImage) -> None:
    def seconds(layers: int, often: float) -> list[float]:
        items = sorted(item.path for item in small.closure)
        cuts = [items[at::layers] for at in range(layers)]
        made = LayerPlan(tuple(PlannedLayer(tuple(cut), 10**6, "", often) for cut in cuts), 100)
        told = document(Plan.of(replace(planned(small), plan=made)))["seconds"]
        return [told["first_pull"], told["updates_per_year"]]

    first, a_year = seconds(1, 2.0)
    assert seconds(3, 2.0)[0] > first
    assert seconds(3, 2.0)[1] == pytest.approx(3 * a_year, abs=0.2)
    assert seconds(1, 20.0) == pytest.approx([first, 10 * a_year], abs=0.5)


def test_what_is_left_out_is_reported_in_a_line_in_rows_and_file_by_file(small: BuiltImage) -> None:
    first, second = sorted(str(item.path) for item in small.closure)[:2]
    lacking = {
        first: (LeftOutFile("share/man/a", "manuals", 1000), LeftOutFile("share/man/b", "manuals", 0)),
        second: (LeftOutFile("share/doc/x", "documentation", 4000),),
    }
    made = planned(small)
    slim = Plan.of(replace(made, realised=replace(made.realised, left_out=lacking)))
    assert "5.0 kB in 3 files left out; --left-out lists them" in list(plan_text.summary(slim, 80))
    assert left_out.words(Plan.of(made)) == ""
    assert [row[:3] for row in left_out.rows(slim)] == [("4.0 kB", "1", "documentation"), ("1.0 kB", "2", "manuals")]
    kinds = {"documentation": 4000, "manuals": 1000}
    totals = {"file_count": 3, "unpacked_size": 5000, "unpacked_size_by_kind": kinds, "files": None}
    assert document(slim)["left_out"] == totals
    files = planned_document(slim, files=True).left_out.files or ()
    assert [(file.item, file.path) for file in files] == [
        (first, "share/man/a"),
        (first, "share/man/b"),
        (second, "share/doc/x"),
    ]


def test_a_rule_of_thumb_says_nothing_of_the_time_of_updates(small: BuiltImage) -> None:
    by_rule = Plan.of(replace(planned(small), plan=plan_by("single", small.closure, 5)))
    assert by_rule.updates_per_year_seconds is None
    assert not any(line.startswith("  a year") for line in plan_text.summary(by_rule, 80))


def test_a_table_lines_up_without_a_terminal_and_keeps_every_word_on_one(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [("1", "9.9 MB", "large"), ("10", "12 MB", "all the rest")]
    PIPED.table(("layer", "size", "why"), rows, right=(0, 1))
    assert capsys.readouterr().out.splitlines() == [
        "layer    size  why",
        "    1  9.9 MB  large",
        "   10   12 MB  all the rest",
    ]
    ON_TERMINAL.table(("layer", "size", "why"), rows, right=(0, 1))
    shown = capsys.readouterr().out
    assert "12 MB" in shown
    assert "all the rest" in shown


def test_texts_are_below_the_words_of_their_row_where_these_leave_no_room(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name, version = "golang-github-gin-contrib-static-dev", "0.0~git20220829.3035101-1"
    rows = [(name, version, "web server for static files " * 4), ("nginx", "1.26", "a web server")]
    ON_TERMINAL.table(("package", "version", "description"), rows)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == f"{name}  {version}"
    assert [len(line) > 60 for line in shown[1:2]] == [True]
    assert shown[-2:] == ["nginx  1.26", "    a web server"]
    assert max(map(len, shown)) <= 80


def test_a_narrow_terminal_cuts_no_name_and_no_digest(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name, digest = "libnginx-mod-http-headers-more-filter", f"sha256:{'5' * 64}"
    ON_TERMINAL.table(("package", "version", "description"), [(name, "1:0.38-2+deb13u1", "clears headers " * 4)])
    ON_TERMINAL.result(f"web:latest -> web.tar: 35.8 MB, 36 layers, {digest}; sent 1 B of 2 B")
    ON_TERMINAL.fact("digest:", digest, 14)
    ON_TERMINAL.fact("environment:", "A=1 " * 30, 14)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("package"), "no empty line before a table"
    assert lines[2].startswith(f"{name}   1:0.38-2+deb13u1   clears")
    assert "web:latest -> web.tar: 35.8 MB, 36 layers," in lines
    assert lines.count(f"  {digest}") == 1
    assert f"  {digest}; sent" in lines
    assert lines[-1].startswith(" " * 14 + "A=1")


def test_a_pipe_gets_every_result_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    PIPED.fact("environment:", "A=1 " * 30, 14)
    PIPED.result(f"web {'x' * 100} sha256:{'5' * 64}")
    assert len(capsys.readouterr().out.splitlines()) == 2

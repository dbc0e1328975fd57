"""The library: what the functions take, return and raise, and in what surroundings they work."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.cli import main
from tests.destinations.registry_server import running
from tests.support.documents import read_document

Spec = dict[str, Any]


def test_a_path_a_mapping_and_a_spec_give_the_same_image(store: Path, spec: Spec, settings: api.Settings) -> None:
    by_path = api.build(store / "small.json", "path.tar", settings=settings)
    by_text = api.build(str(store / "small.json"), "text.tar", settings=settings)
    by_mapping = api.build(spec, "mapping.tar", directory=store, settings=settings)
    again = api.build(by_value(spec), "value.tar", directory=store, settings=settings)
    assert {one.digest for one in (by_path, by_text, by_mapping, again)} == {by_path.digest}
    assert Path("path.tar").read_bytes() == Path("value.tar").read_bytes()


def names() -> list[str]:
    """What is in the working directory."""
    return sorted(path.name for path in Path().iterdir())


def by_value(spec: Spec) -> api.SystemSpec:
    from sysimage.spec import parse_spec

    return parse_spec(json.dumps(spec))


def test_the_command_line_gives_the_same_image_and_document(
    store: Path, settings: api.Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = api.build(store / "small.json", tmp_path / "a.tar", settings=settings)
    words = ["--json", "--progress", "quiet", "--cache-dir", str(settings.cache_dir), "-o", str(tmp_path / "a.tar")]
    assert main(["build", *words, str(store / "small.json")]) == 0
    assert read_document(capsys.readouterr().out) == api.document(built)
    for verb, value in (("verify", api.verify(tmp_path / "a.tar")), ("inspect", api.inspect(tmp_path / "a.tar"))):
        assert main([verb, "--json", str(tmp_path / "a.tar")]) == 0
        assert read_document(capsys.readouterr().out) == api.document(value)


def test_without_an_output_the_file_is_called_after_the_image(store: Path, spec: Spec, settings: api.Settings) -> None:
    image = api.build(spec, directory=store, settings=settings)
    assert image.output == Path("small-latest-amd64.oci.tar")
    assert api.verify(image.output).digest == image.digest
    assert image.record is None


def test_what_is_specified_takes_the_place_of_the_spec(store: Path, spec: Spec, settings: api.Settings) -> None:
    image = api.build(
        spec,
        "other/",
        directory=store,
        tags=["team/web:2"],
        created=86400,
        max_layers=3,
        compression="none",
        settings=settings,
    )
    told = api.inspect("other")
    assert (told.names, told.config.created, len(told.layers)) == (("team/web:2",), "1970-01-02T00:00:00Z", 3)
    assert image.names == ("team/web:2",)
    assert image.format == "oci-dir"
    assert {layer.media_type for layer in image.layers} == {"application/vnd.oci.image.layer.v1.tar"}


def test_an_open_descriptor_gets_the_image(store: Path, spec: Spec, settings: api.Settings) -> None:
    with Path("a.tar").open("wb") as file:
        image = api.build(spec, file.fileno(), directory=store, settings=settings)
    assert image.output is None
    assert api.verify("a.tar").digest == image.digest


def test_a_registry_gets_the_image_and_the_next_build_goes_on_from_it(
    store: Path, spec: Spec, settings: api.Settings
) -> None:
    with running() as registry:
        name = f"{registry.address}/team/small:1"
        first = api.build(spec, push=[name], directory=store, settings=settings)
        again = api.build(spec, push=[name], continue_from_replaced=True, directory=store, settings=settings)
    assert first.pushed == (name,)
    assert first.output is None
    assert again.digest == first.digest


def test_a_plan_is_a_partition_and_writes_no_image(store: Path, spec: Spec, settings: api.Settings) -> None:
    plan = api.plan(spec, directory=store, max_layers=4, settings=settings)
    paths = [path for layer in plan.layers for path in layer.paths]
    assert len(paths) == len(set(paths)) == plan.items
    assert len(plan.layers) <= 3
    assert all(layer.reason for layer in plan.layers)
    assert names() == ["cache"]


def test_an_earlier_build_is_learned_from(store: Path, spec: Spec, settings: api.Settings) -> None:
    first = api.build(spec, "first.tar", directory=store, record=True, settings=settings)
    assert first.record == Path.cwd() / "first.plan.json"
    later = api.plan(spec, previous=first.record, history=["first.tar"], directory=store, settings=settings)
    assert [layer.paths for layer in later.layers] == [layer.paths for layer in first.plan.layers]


def test_a_function_does_no_more_than_it_is_asked_for() -> None:
    """Whatever may be asked for besides is off by default; it is only layers that are kept without a word."""
    functions = (
        *(api.build, api.build_platforms, api.plan, api.lock, api.resolve),
        *(api.copy, api.push, api.tags, api.inspect, api.verify),
    )
    switches = {
        f"{function.__name__} {name}": parameter.default
        for function in (*functions, api.Settings)
        for name, parameter in inspect.signature(function).parameters.items()
        if isinstance(parameter.default, bool)
    }
    assert {"build record", "plan locked", "build_platforms locked", "Settings offline"} <= set(switches)
    assert [name for name, default in switches.items() if default] == ["Settings keep_layers"]


def test_every_fault_of_a_spec_is_data(spec: Spec, settings: api.Settings, tmp_path: Path) -> None:
    wrong = {**spec, "servces": {}, "max-layers": 0}
    with pytest.raises(api.SpecError) as of_mapping:
        api.build(wrong, settings=settings)
    (tmp_path / "wrong.json").write_text(json.dumps(wrong, indent=1))
    with pytest.raises(api.SpecError) as of_file:
        api.plan(tmp_path / "wrong.json", settings=settings)
    places = [("/max-layers", None), ("/servces", "services")]
    assert sorted((issue.where, issue.suggestion) for issue in of_mapping.value.issues) == places
    assert all(issue.line is None for issue in of_mapping.value.issues)
    assert sorted((issue.where, issue.suggestion) for issue in of_file.value.issues) == places
    assert all(issue.line for issue in of_file.value.issues)
    error = api.document(of_file.value)["error"]
    assert error["exit_status"] == 2
    assert len(error["issues"]) == 2


def test_a_spec_that_was_made_by_hand_is_checked_as_a_file_is(store: Path, spec: Spec, settings: api.Settings) -> None:
    files = {"/etc/x": {"source": "not-there"}}
    with pytest.raises(api.SpecError) as caught:
        api.build(by_value({**spec, "files": files}), directory=store, settings=settings)
    assert [issue.where for issue in caught.value.issues] == ["/files/~1etc~1x/source"]


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [
        ({"format": "zip"}, "the format 'zip'"),
        ({"load": "lxc"}, "load into 'lxc'"),
        ({"push": ["no-registry"]}, "names no registry"),
        ({"tags": ["UPPER"]}, "cannot name the image"),
        ({"max_layers": 0}, "must be from 1 to 125"),
        ({"compression": "lzma"}, "lzma"),
        ({"previous": "nowhere.tar"}, "no such file"),
        ({"continue_from_replaced": True, "output": 1}, "no image is replaced"),
        ({"continue_from_replaced": True, "previous": "small.json"}, "previous says otherwise"),
        ({"output": "small.json"}, "it is also an input"),
    ],
)
def test_what_cannot_be_built_is_refused_before_anything_is_written(
    store: Path, spec: Spec, settings: api.Settings, tmp_path: Path, wrong: Any, cause: str
) -> None:
    del spec
    for name in ("small.json", "registration", "store"):
        (tmp_path / name).symlink_to(store / name)
    if wrong.get("continue_from_replaced") and "previous" in wrong:
        wrong = {**wrong, "previous": api.build("small.json", "first.tar", record=True, settings=settings).record}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name != "cache"}
    with pytest.raises(api.SysimageError, match=cause):
        api.build("small.json", settings=settings, **wrong)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.name != "cache"} == before


def test_a_directory_is_for_specs_that_are_not_files(store: Path) -> None:
    with pytest.raises(TypeError, match="relative to the file"):
        api.plan(store / "small.json", directory=store)


def test_settings_that_mean_nothing_are_refused_where_they_are_made() -> None:
    with pytest.raises(api.SpecError, match="must be 1 or more"):
        api.Settings(jobs=0)
    with pytest.raises(api.SpecError, match="no time zone"):
        api.Settings(now=datetime(2026, 1, 1))
    with pytest.raises(api.SpecError, match="HOME is not set"):
        _ = api.Settings(environ={}).cache


def test_a_damaged_image_is_an_error_with_every_fault(store: Path, spec: Spec, settings: api.Settings) -> None:
    api.build(spec, "a", format="oci-dir", directory=store, settings=settings)
    blobs = sorted((Path("a") / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    for blob in blobs[-2:]:
        blob.chmod(0o644)
        blob.write_bytes(blob.read_bytes()[:-1] + b"?")
    with pytest.raises(api.IntegrityError) as caught:
        api.verify("a")
    assert len(caught.value.issues) >= 2


def test_a_machine_that_refuses_is_a_sysimage_error(store: Path, settings: api.Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = replace(settings, cache_dir=tmp_path / "file" / "cache")
    with pytest.raises(api.MachineError):
        api.build(store / "small.json", tmp_path / "a.tar", settings=refused)


def test_progress_is_reported_and_may_end_the_build(store: Path, spec: Spec, settings: api.Settings) -> None:
    class EnoughError(Exception):
        pass

    stages = set()

    def watch(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        stages.add(stage)

    def stop(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        raise EnoughError

    api.build(spec, "a.tar", directory=store, settings=settings, progress=watch)
    assert "layers" in stages
    with pytest.raises(EnoughError):
        api.build(spec, "b.tar", directory=store, settings=replace(settings, keep_layers=False), progress=stop)
    assert names() == ["a.tar", "cache"]


def test_nothing_is_printed_and_notices_are_in_the_programs_log(
    store: Path,
    spec: Spec,
    settings: api.Settings,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    api.build(spec, "a.tar", directory=store, settings=settings)
    for record in (settings.cache / "layers").rglob("*.memo"):
        record.write_text("damaged")
    with caplog.at_level(logging.WARNING):
        api.build(spec, "a.tar", directory=store, settings=settings)
    assert any(record.name == "sysimage" and "was damaged" in record.message for record in caplog.records)
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_several_threads_build_into_one_cache_at_once(store: Path, spec: Spec, settings: api.Settings) -> None:
    kinds = ["none", "gzip", "zstd", "gzip:1", "zstd:3", "gzip"]
    with ThreadPoolExecutor(len(kinds)) as pool:
        calls = [
            pool.submit(
                api.build, spec, f"{at}.tar", directory=store, compression=kind, settings=replace(settings, jobs=3)
            )
            for at, kind in enumerate(kinds)
        ]
        images = [call.result() for call in calls]
    assert images[1].digest == images[5].digest
    alone = [api.build(spec, "alone.tar", directory=store, compression=kind, settings=settings) for kind in kinds]
    assert [image.digest for image in images] == [image.digest for image in alone]


def test_an_event_loop_goes_on_while_images_are_built(store: Path, spec: Spec, settings: api.Settings) -> None:
    async def both() -> tuple[api.BuiltImage, api.BuiltImage, int]:
        done = asyncio.gather(
            *(
                asyncio.to_thread(api.build, spec, name, directory=store, settings=settings)
                for name in ("a.tar", "b.tar")
            )
        )
        turns = 0
        while not done.done():
            turns += 1
            await asyncio.sleep(0)
        first, second = await done
        return first, second, turns

    first, second, turns = asyncio.run(both())
    assert first.digest == second.digest
    assert turns > 1


def _in_a_pool(work: tuple[Spec, Path, Path, str]) -> str:
    spec, store, cache, name = work
    settings = api.Settings(cache_dir=cache, jobs=4, environ={})
    return str(api.build(spec, name, directory=store, settings=settings).digest)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_processes_of_a_pool_build_though_they_may_have_no_children(
    store: Path, spec: Spec, settings: api.Settings, method: str
) -> None:
    work = [(spec, store, settings.cache, f"{number}.tar") for number in range(2)]
    with multiprocessing.get_context(method).Pool(2) as pool:
        digests = pool.map(_in_a_pool, work)
    assert set(digests) == {str(api.build(spec, "a.tar", directory=store, settings=settings).digest)}


SCRIPT = """
import sys
from sysimage import api

image = api.build(sys.argv[1], "a.tar", settings=api.Settings(cache_dir=sys.argv[2], jobs=3))
print(image.digest)
"""


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["-O"], ["-X", "dev", "-W", "error"]], ids=["plainly", "-O", "with -W error"])
def test_a_script_without_a_main_guard_builds(
    store: Path, spec: Spec, settings: api.Settings, options: list[str]
) -> None:
    expected = api.build(spec, "b.tar", directory=store, settings=settings).digest
    command: list[str | Path] = [sys.executable, *options, "-c", SCRIPT, store / "small.json", "fresh"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr, done.returncode) == (str(expected), "", 0)


def test_the_environment_and_the_working_directory_are_read_only_as_documented(
    store: Path, spec: Spec, settings: api.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = api.build(spec, "a.tar", directory=store, settings=settings)
    for name in ("SOURCE_DATE_EPOCH", "SYSIMAGE_MAX_LAYERS", "SYSIMAGE_COMPRESSION", "SYSIMAGE_CREATED"):
        monkeypatch.setenv(name, "7")
    monkeypatch.setenv("XDG_CACHE_HOME", str(Path.cwd() / "xdg"))
    again = api.build(spec, "b.tar", directory=store)
    assert again.digest == plain.digest
    assert (Path("xdg") / "sysimage" / "layers").is_dir(), "as Settings.environ says"


def test_all_that_is_public_is_typed_and_says_what_it_is() -> None:
    import inspect

    import sysimage

    assert (Path(sysimage.__file__).parent / "py.typed").is_file()
    for name in api.__all__:
        value = getattr(api, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert (value.__doc__ or "").strip(), name
            assert not (value.__doc__ or "").startswith(f"{name}("), f"{name} has only what dataclass writes"


def test_locking_what_a_store_holds_is_refused(store: Path, settings: api.Settings) -> None:
    with pytest.raises(api.SpecError, match="not of packages"):
        api.lock(store / "small.json", settings=settings)
    assert not (store / "small.lock.json").exists()

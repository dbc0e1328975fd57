"""One command makes an image for several platforms: an image each, one index, and layers once where they are equal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sysimage.api import inspect, verify
from sysimage.cli import main
from sysimage.cli.flag_values import platforms
from tests.destinations.registry_server import running
from tests.support.loading import read_member

BOTH = "linux/amd64,linux/arm64"


def test_an_index_of_images_goes_to_every_kind_of_place(workspace: Path, say: Any) -> None:
    with running() as registry:
        name = f"{registry.address}/team/small:1"
        said = say("build", "--platform", BOTH, "-o", "small.tar", "--push", name)
        assert [image["platform"] for image in said["images"]] == ["linux/amd64", "linux/arm64/v8"]
        assert (said["output"], [one["names"] for one in said["pushed"]]) == ("small.tar", [[name]])
        assert registry.media_types[said["digest"]] == "application/vnd.oci.image.index.v1+json"
        say("build", "--platform", BOTH, "-o", "layout/")
        for place in ("small.tar", "layout", name):
            for image in said["images"]:
                found = inspect(place, platform=image["platform"])
                assert (str(found.digest), found.config.platform) == (image["digest"], image["platform"])
        assert verify("small.tar", platform="linux/arm64").platform == "linux/arm64/v8"
    docker = json.loads(read_member(workspace / "small.tar", "manifest.json"))
    assert docker[0]["RepoTags"] == ["small:latest"]


def test_equal_layers_are_there_once_and_no_blob_that_is_named_is_absent(workspace: Path, say: Any) -> None:
    import tarfile

    said = say("build", "--platform", BOTH, "-o", "small.tar")
    one, other = ({layer["digest"] for layer in image["layers"]} for image in said["images"])
    assert one & other
    assert said["shared_size"] > 0
    with tarfile.open(workspace / "small.tar") as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))
    assert {digest.partition(":")[2] for digest in one | other} <= {name.rpartition("/")[2] for name in names}


def test_building_again_goes_on_from_the_image_of_each_platform(workspace: Path, say: Any) -> None:
    with running() as registry:
        name = f"{registry.address}/team/small:1"
        first = say("build", "--continue", "--platform", BOTH, "--push", name)
        registry.requests.clear()
        again = say("build", "--continue", "--platform", BOTH, "--push", name)
        assert again["digest"] == first["digest"]
        assert again["pushed"][0]["sent_size"] == 0
    assert say("build", "--continue", "--platform", BOTH, "-o", "small.tar")["digest"] == first["digest"]
    assert say("build", "--continue", "--platform", BOTH, "-o", "small.tar")["digest"] == first["digest"]


def test_one_platform_is_an_image_and_no_index(workspace: Path, say: Any) -> None:
    said = say("build", "--platform", "linux/arm64", "-o", "small.tar")
    assert said["platform"] == "linux/arm64/v8"
    assert inspect("small.tar").config.architecture == "arm64"
    assert say("build", "--platform", "amd64", "-o", "small.tar")["digest"] == say("build", "-o", "small.tar")["digest"]


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (["--platform", "windows/amd64"], "is not a platform"),
        (["--platform", "arm64,linux/arm64"], "names a platform twice"),
        (["--platform", "arm64,linux/arm64/v8"], "one is named twice"),
        (["--platform", "amd64,linux/nonsense"], "it has no architecture that is known"),
        (["--platform", BOTH, "--format", "docker-archive"], "it holds one image"),
        (["--platform", "linux/nonsense"], "architecture"),
    ],
)
def test_what_is_not_a_platform_is_refused(flags: list[str], cause: str, workspace: Path, say: Any) -> None:
    assert cause in json.dumps(say("build", *flags, status=2))


def test_platforms_are_read_with_and_without_the_system() -> None:
    assert platforms("linux/amd64, arm64,linux/arm/v7") == ("linux/amd64", "linux/arm64", "linux/arm/v7")


def test_each_architecture_has_a_lock_file_of_its_own(workspace: Path) -> None:
    from sysimage.cli.spec_files import plain_systems
    from sysimage.spec.choices import SpecChoices

    (workspace / "web.json").write_text('{"name": "web", "packages": [], "architecture": "amd64"}')
    (workspace / "both.json").write_text('{"name": "both", "packages": [], "architectures": ["arm64", "amd64"]}')
    arm = SpecChoices.of(set={"architecture": "arm64"})

    def locks(spec: str, *platforms: str, chosen: SpecChoices = SpecChoices()) -> list[str]:  # noqa: B008
        found = plain_systems(spec, None, chosen, platforms or None)
        return [system.lock_file.name for system in found if system.lock_file is not None]

    assert locks("web.json") == locks("web.json", "linux/amd64") == ["web.lock.json"]
    assert locks("web.json", "linux/arm64") == locks("web.json", chosen=arm) == ["web.arm64.lock.json"]
    assert locks("both.json") == ["both.lock.json", "both.amd64.lock.json"]
    assert locks("both.json", "linux/amd64") == ["both.amd64.lock.json"]


def test_a_lock_file_that_is_named_is_for_one_platform(workspace: Path, say: Any) -> None:
    told = say("build", "--lockfile", "x.lock.json", "--platform", BOTH, status=2)["error"]["message"]
    assert "each has other packages, and a lock file of its own" in told


@pytest.mark.parametrize("form", ["--previous", "--history"])
def test_an_earlier_build_is_that_of_each_platform(form: str, workspace: Path, say: Any) -> None:
    with running() as registry:
        name = f"{registry.address}/team/small:1"
        first = say("build", "--platform", BOTH, "-o", "first.tar", "--push", name)
        say("build", "--platform", BOTH, "-o", "layout/")
        for place in ("first.tar", "layout", name):
            again = say("build", form, place, "--platform", BOTH, "-o", "again.tar")
            assert again["digest"] == first["digest"]


def test_a_spec_from_standard_input_is_read_once_for_all_platforms(
    workspace: Path, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io
    import sys

    named = say("build", "--platform", BOTH, "-o", "named.tar")
    text = io.TextIOWrapper(io.BytesIO((workspace / "small.json").read_bytes()))
    monkeypatch.setattr(sys, "stdin", text)
    assert main(["build", "-q", "--platform", BOTH, "-o", "piped.tar", "-"]) == 0
    assert (workspace / "piped.tar").read_bytes() == (workspace / "named.tar").read_bytes()
    assert named["format"] == "archive"


def test_there_is_no_record_beside_an_index(workspace: Path, say: Any) -> None:
    assert "each image carries its own" in say("build", "--record", "--platform", BOTH, status=2)["error"]["message"]


def test_architectures_of_a_spec_are_what_the_flag_says_and_the_flag_wins(workspace: Path, say: Any) -> None:
    flagged = say("build", "--platform", BOTH, "-o", "flagged.tar")
    spec = json.loads((workspace / "small.json").read_text())
    (workspace / "small.json").write_text(json.dumps({**spec, "architectures": ["amd64", "arm64"]}))
    assert say("build", "-o", "declared.tar")["digest"] == flagged["digest"]
    assert say("build", "--platform", "arm64", "-o", "one.tar")["digest"] == flagged["images"][1]["digest"]
    (workspace / "small.json").write_text(json.dumps({**spec, "architectures": ["arm64"]}))
    assert say("build", "-o", "single.tar")["digest"] == flagged["images"][1]["digest"]


def test_a_verb_for_one_image_wants_one_platform_of_a_spec_for_several(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = json.loads((workspace / "small.json").read_text())
    (workspace / "small.json").write_text(json.dumps({**spec, "architectures": ["amd64", "arm64"]}))
    assert main(["plan", "--progress", "quiet", "small.json"]) == 2
    assert "name one --platform" in capsys.readouterr().err
    assert main(["plan", "--progress", "quiet", "--platform", "arm64", "small.json"]) == 0
    capsys.readouterr()
    assert main(["plan", "--platform", "arm64,amd64", "small.json"]) == 2
    assert "it names several platforms, and this is done for one at a time" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["run"], ["shell"], ["test", "--in", "namespaces"]])
def test_an_image_for_another_machine_is_refused_before_it_is_built(
    verb: list[str], workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*verb, "--platform", "linux/s390x", "small.json"]) != 0
    assert "cannot run small.json: it is for linux/s390x, and this machine is linux/" in capsys.readouterr().err

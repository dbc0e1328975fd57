"""Images run, and are questioned, wherever this machine can: namespaces, a Docker daemon of the test, and Podman."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sysimage.verify import verify_image
from tests.clients.conftest import READY_SECONDS, Environment
from tests.support.documents import read_document
from tests.support.examples import ROOT, build_spec, default_cache
from tests.support.small_images import write_small

LIVES = ["/bin/sh", "-c", "trap 'echo ends; exit 0' TERM; echo up; while :; do sleep 0.1; done"]


@pytest.fixture(params=["namespaces", "docker", "podman"])
def place(request: pytest.FixtureRequest) -> tuple[str, Environment]:
    name = str(request.param)
    return name, os.environ if name == "namespaces" else request.getfixturevalue(name)


def sysimage(place: tuple[str, Environment], *words: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    verb, *others = map(str, words)
    argv = [sys.executable, "-m", "sysimage", verb, "--in", place[0], *others]
    return subprocess.run(argv, env=place[1], input=stdin, capture_output=True, text=True)


def left(place: tuple[str, Environment]) -> list[str]:
    """Containers and images of sysimage that an engine still has."""
    if place[0] == "namespaces":
        return []
    lists = [[place[0], "ps", "--all", "--format", "{{.Names}}"], [place[0], "images", "--format", "{{.Repository}}"]]
    said = "".join(subprocess.run(words, env=place[1], capture_output=True, text=True).stdout for words in lists)
    return re.findall(r"sysimage-[0-9a-f]{12}", said)


def test_a_command_runs_with_its_input_and_its_status(place: tuple[str, Environment], tmp_path: Path) -> None:
    image = write_small(tmp_path / "small.tar", Entrypoint=["/bin/cat"])
    script = "cat; echo err >&2; exit 7"
    ended = sysimage(place, "run", "--entrypoint", "", image, "sh", "-c", script, stdin="in\n")
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, "in\n", "err\n")
    assert left(place) == []


def test_a_shell_is_inside_and_everything_is_gone_after_it(place: tuple[str, Environment], tmp_path: Path) -> None:
    image = write_small(tmp_path / "small.tar", Entrypoint=LIVES)
    ended = sysimage(place, "shell", image, stdin="cat /proc/1/cmdline; exit 6\n")
    assert ended.returncode == 6, ended.stderr
    assert "trap" in ended.stdout
    assert left(place) == []


def test_a_program_that_installs_its_handler_late_is_stopped_when_it_has_it(tmp_path: Path) -> None:
    image = write_small(tmp_path / "small.tar", Entrypoint=["/bin/sh", "-c", f"sleep 1; {LIVES[2]}"])
    ended = sysimage(("namespaces", os.environ), "test", "--json", image)
    assert ended.returncode == 0, ended.stdout


def test_the_standard_questions_and_ones_own_are_asked(place: tuple[str, Environment], tmp_path: Path) -> None:
    image = write_small(tmp_path / "small.tar", Entrypoint=LIVES)
    (tmp_path / "test_mine.py").write_text(
        "def test_one_that_holds(host):\n    assert host.file('/bin/busybox').is_file\n\n\n"
        "def test_one_that_does_not(host):\n    assert host.file('/bin/nginx').exists\n"
    )
    ended = sysimage(place, "test", "--json", image, "--expect", tmp_path / "test_mine.py")
    assert ended.returncode == 5, ended.stderr
    answers = read_document(ended.stdout)
    assert [issue["where"] for issue in answers["error"]["issues"]] == ["test_mine.py::test_one_that_does_not"]
    assert (answers["booted_in"], answers["failed_count"], answers["accelerator"]) == (place[0], 1, None)
    assert answers["passed_count"] >= 10
    assert answers["seconds"].keys() >= {"load", "run", "boot", "stop"}
    assert (Path(answers["reports"]) / "container.log").read_text().startswith("up\n")
    assert left(place) == []


def test_an_image_without_its_entry_point_is_diagnosed(place: tuple[str, Environment], tmp_path: Path) -> None:
    ended = sysimage(place, "test", write_small(tmp_path / "small.tar", Entrypoint=["/absent"]))
    assert ended.returncode == 5
    assert "the program that the image starts is not in the image" in ended.stderr


def test_nothing_stays_in_an_engine_when_the_parent_is_killed(place: tuple[str, Environment], tmp_path: Path) -> None:
    image = write_small(tmp_path / "small.tar", Entrypoint=LIVES)
    argv = [sys.executable, "-m", "sysimage", "run", "--in", place[0], str(image)]
    running = subprocess.Popen(argv, env=place[1], stdout=subprocess.PIPE)
    assert running.stdout is not None
    assert running.stdout.readline() == b"up\n"
    running.kill()
    running.communicate()
    deadline = time.monotonic() + READY_SECONDS
    while left(place) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left(place) == []


def test_sysimage_builds_in_a_container_of_sysimage_what_it_builds_here(docker: Environment, tmp_path: Path) -> None:
    (tmp_path / "sysimage.json").write_bytes((ROOT / "examples/sysimage.json").read_bytes())
    prepare = [ROOT / "examples/sysimage/prepare", tmp_path / "sysimage/packages"]
    subprocess.run(prepare, env={**os.environ, "PYTHON": sys.executable}, check=True)
    image = build_spec(tmp_path / "sysimage.json", tmp_path / "image.tar")
    subprocess.run(["docker", "load", "--quiet", "--input", image], env=docker, check=True)
    work = tmp_path / "work"
    work.mkdir()
    (work / "base.json").write_bytes((ROOT / "examples/base.json").read_bytes())
    volumes = ["/etc/apt:/etc/apt:ro", f"{work}:/work", f"{default_cache()}:/var/cache/sysimage"]
    mounts = [word for volume in volumes for word in ("--volume", volume)]
    words = ["sysimage:latest", "build", "--quiet", "--output", "base.tar", "base.json"]
    subprocess.run(["docker", "run", "--rm", "--network", "host", *mounts, *words], env=docker, check=True)
    here = verify_image(build_spec(work / "base.json", tmp_path / "here.tar"))
    assert [layer.diff_id for layer in verify_image(work / "base.tar").layers] == [
        layer.diff_id for layer in here.layers
    ]

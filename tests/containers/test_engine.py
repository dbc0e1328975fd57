"""What an engine of this machine is asked for, and what its answers mean.

The engine here is a script that writes down what it is asked and answers as a test says; tests/boot has the real ones.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysimage.containers.engine import Engine, LoadedImage, entry_point_flags, loaded, systemd_flags, write_archive
from sysimage.containers.engine_runner import EngineRunner
from sysimage.containers.errors import ProgramNotStartedError
from sysimage.containers.image import RunnableImage, open_image
from sysimage.errors import MachineError
from sysimage.process import ProcessFailedError
from tests.containers.test_image import LAYER, raw
from tests.support.raw_image import write_archive as write_image


@dataclass
class Script:
    """An engine and the directory of its answers."""

    engine: Engine
    top: Path

    def answers(self, words: str, text: str = "", *, error: str = "", status: int = 0) -> None:
        """What it says from now on when it is asked for something that begins with these words."""
        place = self.top / "answers" / words.replace(" ", "_")
        place.mkdir(parents=True, exist_ok=True)
        for name, content in (("out", text), ("error", error), ("status", str(status))):
            (place / name).write_text(content)

    @property
    def asked(self) -> list[str]:
        """Each thing that it was asked for, since the last time."""
        log = self.top / "asked"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return lines


def script(top: Path, program: str) -> Script:
    place = top / "bin" / program
    place.parent.mkdir(exist_ok=True)
    place.write_text(
        f"""#!/bin/sh
echo "$*" >> {top}/asked
if [ "$1" = load ]; then while read -r line; do :; done; fi
for words in "$1_$2_$3_$4" "$1_$2_$3" "$1_$2" "$1"; do
    answer="{top}/answers/$words"
    if [ -d "$answer" ]; then
        while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line"; done < "$answer/out"
        while IFS= read -r line || [ -n "$line" ]; do printf '%s\\n' "$line" >&2; done < "$answer/error"
        read -r status < "$answer/status" || :
        exit "$status"
    fi
done
exit 0
"""
    )
    place.chmod(0o755)
    return Script(Engine(program, {"PATH": str(place.parent)}), top)


@pytest.fixture
def docker(tmp_path: Path) -> Script:
    return script(tmp_path, "docker")


@pytest.fixture
def podman(tmp_path: Path) -> Script:
    return script(tmp_path, "podman")


@contextmanager
def image(top: Path, form: str = "layout", **config: Any) -> Iterator[RunnableImage]:
    files = getattr(raw(**{"Entrypoint": ["/run"], **config}), form)()
    with open_image(write_image(files, top / "x.tar"), name="web") as opened:
        yield opened


@contextmanager
def in_engine(made: Script, **config: Any) -> Iterator[LoadedImage]:
    with image(made.top, **config) as opened:
        yield LoadedImage(made.engine, opened, "ref", "box")


def test_flags_are_those_that_each_engine_knows() -> None:
    assert systemd_flags("podman", "2") == ["--systemd=always"]
    tmpfs = ["--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp", "--cgroupns", "host", "--volume"]
    assert systemd_flags("docker", "2") == [*tmpfs, "/sys/fs/cgroup:/sys/fs/cgroup"]
    assert systemd_flags("docker", "1") == [*tmpfs, "/sys/fs/cgroup/unified:/sys/fs/cgroup"]
    assert entry_point_flags("docker", None) == []
    assert [entry_point_flags(program, "") for program in ("docker", "podman")] == [
        ["--entrypoint="],
        ["--entrypoint=[]"],
    ]
    assert entry_point_flags("podman", "/x") == ["--entrypoint=/x"]


def test_an_engine_that_answers_has_a_version(docker: Script, podman: Script) -> None:
    docker.answers("version", " 27.1 ")
    assert (docker.engine.check(), podman.engine.check()) == ("27.1", "27.1")
    assert docker.asked == ["version --format {{.Server.Version}}", "version --format {{.Client.Version}}"]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"error": "first\nCannot connect to it", "status": 1}, "Cannot connect to it"),
        ({"text": "said", "status": 2}, "said"),
        ({"text": " "}, "it does not answer"),
    ],
)
def test_an_engine_that_does_not_answer_is_not_used(
    docker: Script, podman: Script, answer: dict[str, Any], cause: str
) -> None:
    docker.answers("version", **answer)
    for made, hint in (
        (docker, "start its daemon, or say --in namespaces, which needs none"),
        (podman, "say --in namespaces or vm"),
    ):
        with pytest.raises(MachineError) as caught:
            made.engine.check()
        assert (str(caught.value), caught.value.hint) == (f"cannot use {made.engine.program}: {cause}", hint)


def test_systemd_needs_cgroups_of_version_2(docker: Script, podman: Script) -> None:
    docker.answers("info", "v2")
    assert podman.engine.cgroup_version() == docker.engine.cgroup_version() == "2"
    assert docker.asked == ["info --format {{.Host.CgroupsVersion}}", "info --format {{.CgroupVersion}}"]
    docker.answers("info", "v1")
    with pytest.raises(MachineError) as caught:
        podman.engine.cgroup_version()
    assert str(caught.value) == (
        "cannot boot systemd in podman: it needs cgroups of version 2, and this machine has version 1"
    )
    assert caught.value.hint == "say --in vm"


def test_a_container_has_the_engines_network_or_else_the_machines(docker: Script) -> None:
    docker.answers("create", error="failed to set up Bridge", status=1)
    docker.answers("create --name box --network")
    with in_engine(docker) as files:
        files.create(("a", "b"), ["--tty"])
    assert docker.asked == [
        "network inspect bridge",
        "rm -f -v box",
        "create --name box --tty ref a b",
        "rm -f -v box",
        "create --name box --network host --tty ref a b",
    ]
    docker.answers("network", status=1)
    with in_engine(docker) as files:
        files.create()
    assert docker.asked == ["network inspect bridge", "rm -f -v box", "create --name box --network host ref"]
    docker.answers("create --name box --network", error="no iptables", status=1)
    with in_engine(docker) as files, pytest.raises(MachineError, match="cannot make a container in docker: ") as caught:
        files.create()
    assert "no iptables" in str(caught.value)


def test_podman_makes_the_network_before_the_start(podman: Script) -> None:
    podman.answers("init", error="netavark: no", status=1)
    with in_engine(podman) as files, pytest.raises(MachineError):
        files.create()
    assert podman.asked == [
        *("rm -f -v box", "create --name box ref", "init box"),
        *("rm -f -v box", "create --name box --network host ref", "init box"),
    ]


def test_systemd_gets_what_it_needs_where_it_is_the_images_own(podman: Script) -> None:
    podman.answers("info", "v2")
    with in_engine(podman, Entrypoint=["/lib/systemd/systemd"]) as files:
        for command, options in (((), ["--x"]), (("sh",), []), ((), ["--entrypoint=/x"])):
            files.create(command, options)
    assert [line for line in podman.asked if line.startswith("create")] == [
        "create --name box --systemd=always --x ref",
        "create --name box ref sh",
        "create --name box --entrypoint=/x ref",
    ]


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("exec: no such file or directory\nmore", 127),
        ('executable file "x" not found', 127),
        ("Permission denied", 126),
        ("something else", None),
    ],
)
def test_a_program_that_the_image_lacks_is_distinguished_from_other_faults(
    docker: Script, said: str, status: int | None
) -> None:
    for words in ("create", "start"):
        docker.answers(words, error=said, status=1)
    with in_engine(docker) as files:
        for act in (files.create, files.start):
            if status is None:
                with pytest.raises(ProcessFailedError):
                    act()
                continue
            with pytest.raises(ProgramNotStartedError) as caught:
                act()
            assert caught.value.exit_status == status
            assert str(caught.value) == f"cannot run web in docker: {said.splitlines()[0]}"


def test_a_booted_container_is_asked_by_the_engines_own_commands(docker: Script) -> None:
    docker.answers("container", json.dumps([{"State": {"Running": True, "ExitCode": 5}}]))
    docker.answers("exec", "out", error="err", status=3)
    docker.answers("logs", "said", error="complained")
    with in_engine(docker) as files:
        runner = EngineRunner(files)
        runner.boot()
        done = runner.run(["a", "b"])
        assert (done.status, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
        assert runner.runs()
        assert runner.output() == "said\ncomplained\n"
        assert runner.stop() == 5
    assert docker.asked[3:] == [
        "start box",
        "exec box a b",
        "container inspect box",
        "logs --tail 40 box",
        "stop -t 10 box",
        "container inspect box",
    ]


def test_an_image_is_loaded_under_a_name_of_its_own_and_removed_afterwards(docker: Script) -> None:
    docker.answers("version", "27.1")
    with image(docker.top) as opened:
        with loaded(docker.engine, opened) as files:
            assert files.reference == f"localhost/{files.name}:latest"
            assert docker.asked == ["version --format {{.Server.Version}}", "load"]
        assert docker.asked == [f"rm -f -v {files.name}", f"rmi {files.reference}"]
        for error, reason in (("no space\n", "no space"), ("", "exit status 1")):
            docker.answers("load", error=error, status=1)
            with pytest.raises(MachineError) as caught, loaded(docker.engine, opened):
                pass
            assert str(caught.value) == f"cannot load web into docker: {reason}"


@pytest.mark.parametrize("form", ["layout", "docker_archive"])
def test_the_archive_for_an_engine_is_an_image_of_one_name(tmp_path: Path, form: str) -> None:
    said: list[tuple[str, int, int | None, str]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "", at: str = "") -> None:
        said.append((stage, done, total, unit))

    written = io.BytesIO()
    with image(tmp_path, form) as opened:
        write_archive(opened, "localhost/x:latest", written, progress)
        config, layers = opened.documents.image_id, [layer.file for layer in opened.documents.layers]
    written.seek(0)
    with tarfile.open(fileobj=written) as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    name = f"blobs/sha256/{config.hex}"
    (entry,) = json.loads(files["manifest.json"])
    assert entry == {"Config": name, "RepoTags": ["localhost/x:latest"], "Layers": layers}
    assert json.loads(files[name])["config"] == {"Entrypoint": ["/run"]}
    assert files[layers[0]] == LAYER
    assert said[-1] == ("load", said[-1][1], said[-1][1], "bytes")
    if form == "docker_archive":
        assert files.keys() == {"manifest.json", name, *layers}
        assert said[-1][1] == len(LAYER)
        return
    (described,) = json.loads(files["index.json"])["manifests"]
    manifest = files[f"blobs/sha256/{described['digest'][7:]}"]
    assert described["size"] == len(manifest)
    assert described["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert described["annotations"] == {
        "io.containerd.image.name": "localhost/x:latest",
        "org.opencontainers.image.ref.name": "localhost/x:latest",
    }
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    assert said[-1][1] == len(LAYER) + len(manifest) + len(files[name])
    assert len(files) == 6

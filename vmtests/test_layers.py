"""Layers in an engine: others are put on top of them, and images that were planned together share theirs on disk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from built_systems import build_system, load, running
from sysimage_vm.daemons import start_docker
from sysimage_vm.engine import Engine

LAYERS = ("--max-layers", "6", "--compression", "none")
BASE: dict[str, Any] = {"name": "base", "packages": []}
MORE: dict[str, Any] = {"name": "more", "packages": ["jq"], "services": {"idle": {"command": ["sleep", "100000"]}}}
DOCKERFILE = """\
FROM base:latest
COPY greeting /srv/greeting
COPY greeting /usr/share/greeting
RUN id -un > /srv/builder && ln -s /srv/greeting /etc/greeting && mkdir -p /opt/tool/bin
ENV GREETING=moin
LABEL org.example.on-top=yes
"""


def layers_of(engine: Engine, image: str) -> list[str]:
    layers: list[str] = engine.inspect_image(image)["RootFS"]["Layers"]
    return layers


def test_a_dockerfile_begins_with_an_image_of_sysimage(shared_engine: Engine, tmp_path: Path) -> None:
    base = load(shared_engine, build_system(BASE, tmp_path / "base.tar", *LAYERS))
    channel = shared_engine.machine.channel
    assert channel.run(["mkdir", "-p", "/var/tmp/context"]).status == 0
    channel.put("/var/tmp/context/Dockerfile", DOCKERFILE.encode())
    channel.put("/var/tmp/context/greeting", b"from the context\n")
    # The builder of the engine itself: the other one is a plugin, and asks a registry for its frontend.
    build = ["env", "DOCKER_BUILDKIT=0", *shared_engine.command("build", "--network", "none", "-t", "top")]
    built = channel.run([*build, "/var/tmp/context"])
    assert built.status == 0, built.output
    below, above = layers_of(shared_engine, base), layers_of(shared_engine, "top")
    assert above[: len(below)] == below
    assert len(above) == len(below) + 3, "one for each COPY, one for RUN"
    config = shared_engine.inspect_image("top")["Config"]
    assert config["Entrypoint"] == shared_engine.inspect_image(base)["Config"]["Entrypoint"]
    with running(shared_engine, "top") as container:
        container.wait_services(["root"])
        said = container.shell.run(
            "cat /etc/greeting /usr/share/greeting /srv/builder; echo $GREETING; cat /proc/1/comm"
        )
        assert said.text.split() == ["from", "the", "context", "from", "the", "context", "root", "moin", "shepherd"]
        assert container.stop(seconds=20)[0] == 0


def test_images_planned_together_share_layers_on_disk(shared_engine: Engine, tmp_path: Path) -> None:
    # A daemon of its own, whose disk holds nothing else. Last here, since it takes the first daemon's bridge away.
    daemon = start_docker(shared_engine.machine, "together")
    engine = daemon.engine
    specs = {spec["name"]: tmp_path / f"{spec['name']}.json" for spec in (BASE, MORE)}
    for spec in (BASE, MORE):
        specs[spec["name"]].write_text(json.dumps(spec))
    try:
        first = load(engine, build_system(specs["base"], tmp_path / "1.tar", *LAYERS, "--together-with", specs["more"]))
        alone = disk_use(engine)
        second = load(
            engine, build_system(specs["more"], tmp_path / "2.tar", *LAYERS, "--together-with", specs["base"])
        )
        ones, twos = layers_of(engine, first), layers_of(engine, second)
        common = next((n for n, (one, two) in enumerate(zip(ones, twos, strict=False)) if one != two), len(ones))
        assert common >= 1, "an engine shares a layer only with all that are below it"
        shared = shared_sizes(engine)
        assert set(shared) == {"base", "more"}
        for size, common_size in shared.values():
            # The small system is almost all in the larger one.
            assert common_size > 0.5 * size, shared
        assert len({common_size for _, common_size in shared.values()}) == 1
        both = disk_use(engine)
        total = sum(size for size, _ in shared.values())
        # The disk says the same: what is shared is there once.
        assert both < 0.8 * total, (alone, both, shared)
        with running(engine, second) as container:
            container.wait_services(["idle"])
            assert container.shell.run("echo '{\"a\": 7}' | jq .a").text == "7"
            assert container.stop(seconds=20)[0] == 0
    finally:
        daemon.close()


def shared_sizes(engine: Engine) -> dict[str, tuple[float, float]]:
    """Image → (SIZE, SHARED SIZE) of ``docker system df -v``, in bytes, with the digits it gives."""
    rows = json.loads(engine.run("system", "df", "-v", "--format", "{{json .Images}}").stdout)
    return {row["Repository"]: (in_bytes(row["Size"]), in_bytes(row["SharedSize"])) for row in rows}


def in_bytes(said: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)([kMG]?B)", said).groups()  # type: ignore[union-attr]
    return float(number) * {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


def disk_use(engine: Engine) -> int:
    """Bytes of files that the daemon keeps below its layers."""
    result = engine.machine.channel.run(["du", "-s", "--apparent-size", "-B1", "/var/lib/docker-together/overlay2"])
    assert result.status == 0, result.output
    return int(result.text.split()[0])

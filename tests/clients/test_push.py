"""The command line brings images to a registry and an engine of others, and learns from what a registry holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import IS_ROOT, Client, Registry
from tests.support.builds import registered
from tests.support.documents import read_document
from tests.support.store_builder import StoreBuilder, small_system

BECOME = [] if IS_ROOT else ["unshare", "--user", "--map-root-user", "--mount"]
"""So that Podman works for every user who runs the tests."""
Sysimage = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def sysimage(tmp_path: Path, client: Client) -> Sysimage:
    """Builds the small system with some options, in an environment of its own."""
    closure = small_system(StoreBuilder(tmp_path / "store"))
    registered(closure, tmp_path / "registration")
    source = {"paths": [str(closure.roots[0])], "source": "registration", "location": "store"}
    (tmp_path / "small.json").write_text(json.dumps({"name": "small", "from-store": source}))

    def run(*options: str | Path, accept: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "sysimage", "build", "--json", "--progress", "quiet"]
        done = subprocess.run(
            [*BECOME, *command, "--cache-dir", tmp_path / "cache", *options, tmp_path / "small.json"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.pathsep.join(sys.path),
                "HOME": str(tmp_path),
                **env,
            },
            capture_output=True,
            text=True,
        )
        assert done.returncode == accept, done.stderr
        return done

    return run


def test_a_pushed_image_is_what_the_registry_gives_to_others(
    sysimage: Sysimage, client: Client, registry: Registry, tmp_path: Path
) -> None:
    names = [f"{registry.address}/pushed/small:{tag}" for tag in ("1", "2")]
    said = read_document(sysimage("--push", names[0], "--push", names[1]).stdout)
    assert [name for one in said["pushed"] for name in one["names"]] == names
    assert said["output"] is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "registration", "small.json", "store"]
    for name in names:
        told = client("skopeo", "inspect", "--tls-verify=false", f"docker://{name}").stdout
        assert json.loads(told)["Digest"] == said["digest"]
    again = read_document(sysimage("--continue", "--push", names[0]).stdout)
    assert again["digest"] == said["digest"]
    learned = read_document(sysimage("--previous", names[1], "--history", names[0], "-o", "small.tar").stdout)
    assert learned["digest"] == said["digest"]


def test_a_registry_that_is_not_there_ends_with_its_own_status(sysimage: Sysimage, tmp_path: Path) -> None:
    told = sysimage("--push", "localhost:1/small:1", accept=6)
    assert read_document(told.stdout)["error"]["message"].startswith(
        "cannot POST http://localhost:1/v2/small/blobs/uploads/"
    )
    (tmp_path / "auth.json").write_text("no JSON")
    told = sysimage("--push", "localhost:1/small:1", accept=6, REGISTRY_AUTH_FILE=str(tmp_path / "auth.json"))
    assert "cannot read credentials" in told.stderr


@pytest.fixture
def podman(client: Client) -> Iterator[dict[str, str]]:
    """The settings of a Podman that keeps everything in a place with a short name: it refuses a long one."""
    with tempfile.TemporaryDirectory(prefix="p-") as directory:
        home = Path(directory)
        storage = f"""\
[storage]
driver = "vfs"
graphroot = "{home}/graph"
runroot = "{home}/run"
[storage.options.vfs]
ignore_chown_errors = "{"false" if IS_ROOT else "true"}"
"""
        (home / "storage.conf").write_text(storage)
        (home / ".config/containers").mkdir(parents=True)
        (home / ".config/containers/policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
        yield {
            "HOME": directory,
            "TMPDIR": directory,
            "XDG_RUNTIME_DIR": directory,
            "CONTAINERS_STORAGE_CONF": f"{home}/storage.conf",
            "CONTAINERS_CONF": f"{client.home}/containers.conf",
        }


def test_podman_gets_the_image_through_its_own_loader(
    sysimage: Sysimage, podman: dict[str, str], tmp_path: Path
) -> None:
    said = read_document(sysimage("--load", "podman", "-o", "small.tar", **podman).stdout)
    assert said["loaded"] == ["podman"]
    assert (tmp_path / "small.tar").is_file(), "a file as well, because one was asked for"
    listed = subprocess.run(
        [*BECOME, "podman", "images", "--no-trunc", "--format", "{{.ID}} {{.Tag}}"],
        env={"PATH": os.environ["PATH"], **podman},
        capture_output=True,
        text=True,
    )
    assert listed.stdout.split() == [said["image_id"], "latest"], listed.stderr

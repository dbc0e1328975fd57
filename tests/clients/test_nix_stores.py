"""Images of what Nix built: a system in a real store, described in four ways, and judged by Nix in the image."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sysimage.pipeline.build import BuildResult
from sysimage.process import Completed, find
from sysimage.verify import verify_image
from tests.clients.conftest import Client
from tests.support.builds import build_from_store, config_of

EXPRESSION = """
let
  run = name: script: derivation {
    inherit name; system = "x86_64-linux"; builder = "/bin/sh"; args = [ "-c" script ]; PATH = "/bin";
  };
  shell = run "shell-1.0" "mkdir -p $out/bin; cp /bin/sh $out/bin/sh; chmod +x $out/bin/sh";
  motd = builtins.toFile "motd" "built by Nix";
  path = run "system-path" "mkdir $out; ln -s ${shell}/bin $out/bin";
in run "nixos-system-test-25.05" ''
  mkdir $out
  printf '#!${shell}/bin/sh\\nexec ${shell}/bin/sh $systemConfig\\n' > $out/init
  printf '#!${shell}/bin/sh\\ncat ${motd} # and itself: %s\\n' $out > $out/activate
  chmod +x $out/init $out/activate
  ln -s ${path} $out/sw
''
"""
ON_TOP = """
derivation {
  name = "on-top"; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/bin";
  args = [ "-c" "echo needs ${builtins.storePath @SYSTEM@} > $out" ];
}
"""


@dataclass(frozen=True)
class NixRoot:
    """A root directory with a store that Nix manages: the one it builds in, or an image's."""

    client: Client
    root: Path

    @property
    def words(self) -> list[str]:
        busybox = find("busybox", package="busybox-static")
        return [
            "--store", f"local?root={self.root}", "--option", "sandbox", "true",
            "--option", "sandbox-paths", f"/bin/sh={busybox}",
        ]  # fmt: skip

    def __call__(self, program: str, *words: str | Path, accept: tuple[int, ...] = (0,)) -> Completed:
        return self.client(program, *words, *self.words, accept=accept)

    def lines(self, *words: str | Path) -> list[str]:
        return sorted(self("nix-store", *words).stdout.decode().split())

    @property
    def state(self) -> Path:
        return self.root / "nix/var/nix"

    @property
    def store(self) -> Path:
        return self.root / "nix/store"


@dataclass(frozen=True)
class Built:
    """What Nix built, and everything that describes it."""

    nix: NixRoot
    system: str
    sources: dict[str, Path]


@pytest.fixture(scope="module")
def built(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Built:
    top = tmp_path_factory.mktemp("nix")
    nix = NixRoot(client, top / "root")
    (top / "system.nix").write_text(EXPRESSION)
    system = nix("nix-build", top / "system.nix", "--no-out-link").stdout.decode().strip()
    (top / "added").write_text("nobody refers to this\n")
    nix("nix-store", "--add", top / "added")
    (top / "dump").write_bytes(nix("nix-store", "--dump-db").stdout)
    command = ["nix", "--extra-experimental-features", "nix-command", "path-info", "--json", "-r", system]
    (top / "path-info").write_bytes(client(*command, "--store", f"local?root={nix.root}").stdout)
    graph = "".join(
        "\n".join([path, "", str(len(references)), *references]) + "\n"
        for path in nix.lines("-qR", system)
        for references in [nix.lines("-q", "--references", path)]
    )
    (top / "graph").write_text(graph)
    sources = {"database": nix.state / "db/db.sqlite", "state directory": nix.state, "bare directory": nix.store}
    return Built(nix, system, sources | {name: top / name for name in ("dump", "path-info", "graph")})


def image_of(built: Built, workspace: Path, source: str, **more: Any) -> BuildResult:
    spec = {
        "name": "machine",
        "store": {"kind": "nix"},
        "from-store": {
            "system": built.system,
            "source": str(built.sources[source]),
            "location": str(built.nix.store),
            "check": True,
        },
        **more,
    }
    return build_from_store(workspace, spec)


@pytest.fixture(scope="module")
def image(built: Built, tmp_path_factory: pytest.TempPathFactory) -> tuple[BuildResult, Path]:
    workspace = tmp_path_factory.mktemp("image")
    return image_of(built, workspace, "database"), workspace


@pytest.mark.parametrize("source", ["state directory", "dump", "path-info", "graph", "bare directory"])
def test_the_image_is_the_same_for_every_source_of_the_store(
    source: str, built: Built, image: tuple[BuildResult, Path], tmp_path: Path
) -> None:
    assert image_of(built, tmp_path, source).written.digest == image[0].written.digest
    assert (tmp_path / "machine.tar").read_bytes() == (image[1] / "machine.tar").read_bytes()


def test_the_image_holds_the_systems_closure_and_boots_its_init(built: Built, image: tuple[BuildResult, Path]) -> None:
    result, workspace = image
    assert sorted(str(item.path) for item in result.planned.closure) == built.nix.lines("-qR", built.system)
    assert config_of(result)["config"]["Entrypoint"] == [f"{built.system}/init"]
    found = verify_image(workspace / "machine.tar")
    assert (found.store_kind, found.items) == ("nix", len(result.planned.closure))


@pytest.fixture
def inside(client: Client, image: tuple[BuildResult, Path], tmp_path: Path) -> NixRoot:
    """The unpacked root of the image, managed by Nix from now on."""
    client("skopeo", "copy", "--insecure-policy", f"oci-archive:{image[1]}/machine.tar", f"oci:{tmp_path}/layout:1")
    client("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/layout:1", tmp_path / "bundle")
    return NixRoot(client, tmp_path / "bundle/rootfs")


def test_nix_verifies_builds_on_top_and_collects_only_strays(built: Built, inside: NixRoot, tmp_path: Path) -> None:
    closure = built.nix.lines("-qR", built.system)
    assert b"was modified" not in inside("nix-store", "--verify", "--check-contents").stderr
    assert inside.lines("-qR", built.system) == closure
    for path in closure:
        assert inside.lines("-q", "--references", path) == built.nix.lines("-q", "--references", path)
        assert inside.lines("-q", "--hash", path) == built.nix.lines("-q", "--hash", path)
    (tmp_path / "on-top.nix").write_text(ON_TOP.replace("@SYSTEM@", built.system))
    kept = tmp_path / "kept"
    (on_top,) = inside("nix-build", tmp_path / "on-top.nix", "--no-out-link").stdout.decode().split()
    assert inside.lines("-q", "--references", on_top) == [built.system]
    (inside.state / "gcroots/mine").symlink_to(on_top)
    kept.write_text("a stray\n")
    (stray,) = inside.lines("--add", kept)
    assert stray in inside.lines("--gc", "--print-dead")
    inside("nix-store", "--gc")
    assert not Path(f"{inside.root}{stray}").exists()
    assert Path(f"{inside.root}{on_top}").read_text() == f"needs {built.system}\n"
    assert inside.lines("-qR", on_top) == sorted([*closure, on_top])
    (inside.state / "gcroots/mine").unlink()
    inside("nix-store", "--gc")
    assert inside.lines("-qR", built.system) == closure
    assert not Path(f"{inside.root}{on_top}").exists()
    inside("nix-store", "--verify", "--check-contents")


def test_nix_notices_a_byte_that_differs_in_the_image(built: Built, inside: NixRoot) -> None:
    file = Path(f"{inside.root}{built.system}/activate")
    file.chmod(0o755)
    file.write_bytes(file.read_bytes().replace(b"cat", b"rat"))
    said = inside("nix-store", "--verify", "--check-contents", accept=(1,)).stderr.decode()
    assert f"path '{built.system}' was modified!" in said


def test_an_image_on_top_of_it_has_one_database_of_both(
    client: Client, built: Built, image: tuple[BuildResult, Path], tmp_path: Path
) -> None:
    """A pack on a base with a store, whose database Nix itself takes for its own."""
    (tmp_path / "tool.nix").write_text(
        'derivation { name = "tool"; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/bin";'
        ' args = [ "-c" "mkdir -p $out/bin; echo tool > $out/bin/tool; chmod +x $out/bin/tool" ]; }'
    )
    tool = built.nix("nix-build", tmp_path / "tool.nix", "--no-out-link").stdout.decode().strip()
    spec = {
        "name": "both",
        "store": {"kind": "nix"},
        "from-image": str(image[1] / "machine.tar"),
        "from-store": {
            "paths": [tool], "source": str(built.nix.state), "location": str(built.nix.store),
            "links": {"/opt/tool": "bin/tool"},
        },
    }  # fmt: skip
    build_from_store(tmp_path, spec)
    assert verify_image(tmp_path / "both.tar").items == len(image[0].planned.closure) + 1
    client("skopeo", "copy", "--insecure-policy", f"oci-archive:{tmp_path}/both.tar", f"oci:{tmp_path}/layout:1")
    client("umoci", "unpack", "--rootless", "--image", f"{tmp_path}/layout:1", tmp_path / "bundle")
    inside = NixRoot(client, tmp_path / "bundle/rootfs")
    inside("nix-store", "--verify", "--check-contents")
    inside("nix-store", "--gc")
    assert inside.lines("-qR", built.system, tool) == sorted([*built.nix.lines("-qR", built.system), tool])

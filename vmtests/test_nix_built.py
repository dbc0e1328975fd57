"""What Nix built on this machine, in an image that has Nix: loaded, run, and judged by that Nix."""

from __future__ import annotations

from pathlib import Path

from built_systems import build_system, load, running
from conftest import Machines
from tests.clients.conftest import client  # noqa: F401 - a fixture
from tests.clients.test_nix_stores import Built, built  # noqa: F401 - a fixture
from tests.support.builds import build_from_store
from tests.support.examples import ROOT

ON_TOP = """derivation {
  name = "on-top"; system = "x86_64-linux"; builder = "/usr/bin/dash";
  args = [ "-c" "echo needs ${builtins.storePath %s} > $out" ];
}"""


def test_nix_in_the_image_verifies_what_nix_built_outside(
    built: Built,  # noqa: F811
    machines: Machines,
    tmp_path: Path,
) -> None:
    options = ("--max-layers", "4", "--compression", "none")
    base = build_system(ROOT / "examples/nix.json", tmp_path / "nix.tar", *options)
    spec = {
        "name": "built",
        "store": {"kind": "nix"},
        "from-image": str(base),
        "from-store": {"paths": [built.system], "source": str(built.nix.state), "location": str(built.nix.store)},
        "max-layers": 8,
    }
    result = build_from_store(tmp_path, spec, tmp_path / "built.tar")
    assert len(result.written.image.layers) <= 8
    with machines() as engine, running(engine, load(engine, tmp_path / "built.tar"), name="built") as container:
        verified = container.exec("nix-store", "--verify", "--check-contents")
        assert verified.status == 0, verified.text
        closure = container.exec("nix-store", "-qR", built.system).text.split()
        assert sorted(closure) == built.nix.lines("-qR", built.system)
        script = f"cat > /tmp/on-top.nix <<'END'\n{ON_TOP % built.system}\nEND\nnix-build --no-out-link /tmp/on-top.nix"
        on_top = container.exec("sh", "-c", script).text.split()[-1]
        assert container.exec("cat", on_top).text.strip() == f"needs {built.system}"
        container.exec("nix-store", "--gc")
        assert container.exec("nix-store", "-qR", built.system).text.split() == closure

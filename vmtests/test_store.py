"""The store in a running container, judged and used by Nix's own programs there."""

from __future__ import annotations

from pathlib import Path

from built_systems import build_system, load, running
from sysimage_vm.container import Container
from sysimage_vm.engine import Engine

EXAMPLES = Path(__file__).parents[1] / "examples"
ON_TOP = """
derivation {
  name = "on-top"; system = "x86_64-linux"; builder = "/bin/sh"; PATH = "/bin";
  args = [ "-c" "echo needs ${builtins.storePath @SYSTEM@} > $out" ];
}
"""


def sh(container: Container, command: str) -> str:
    result = container.shell.run(command)
    assert result.status == 0, result.output
    return result.text


def test_nix_takes_the_store_for_its_own(shared_engine: Engine, tmp_path: Path) -> None:
    image = load(
        shared_engine,
        build_system(EXAMPLES / "nix.json", tmp_path / "nix.tar", "--max-layers", "4", "--compression", "none"),
    )
    with running(shared_engine, image, ("--network", "none")) as container:
        container.wait_services(["root"])
        verified = container.shell.run("nix-store --verify --check-contents")
        assert verified.status == 0, verified.output
        assert "was modified" not in verified.output
        assert "error" not in verified.output
        system = sh(container, "readlink -f /run/current-system")
        closure = sh(container, f"nix-store -qR {system} | sort").split()
        valid = sh(container, "nix-store --gc --print-live | grep ^/nix/store | sort").split()
        assert set(closure) <= set(valid)
        assert sh(container, "nix-store --gc --print-dead").split() == []

        expression = ON_TOP.replace("@SYSTEM@", system)
        container.shell.run(f"cat > /tmp/on-top.nix <<'END'\n{expression}\nEND")
        on_top = sh(container, "cd /tmp && nix-build on-top.nix")
        assert on_top.startswith("/nix/store/")
        assert sh(container, f"cat {on_top}") == f"needs {system}"
        assert sh(container, f"nix-store -q --references {on_top}") == system

        stray = sh(container, "echo nobody needs this > /tmp/stray; nix-store --add /tmp/stray")
        sh(container, "nix-store --gc")
        assert container.shell.run(f"test -e {stray}").status == 1, "garbage is collected"
        assert sh(container, f"cat {on_top}") == f"needs {system}", "the link that nix-build made protects it"
        sh(container, "rm /tmp/result && nix-store --gc")
        assert container.shell.run(f"test -e {on_top}").status == 1
        assert sh(container, f"nix-store -qR {system} | sort").split() == closure
        sh(container, "nix-store --verify --check-contents")
        assert container.stop(seconds=20)[0] == 0

"""Images built by the command line from the cache that people's own builds use, those of examples/ among them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]


def default_cache() -> Path:
    """Where packages, store and layers are kept when no variable says otherwise; filled by the first build."""
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(os.environ.get("SYSIMAGE_CACHE_DIR") or Path(home) / "sysimage")


def build_spec(
    spec: Path,
    output: Path,
    *options: str | Path,
    cache: Path | None = None,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
) -> Path:
    """Build a spec to ``output``; with ``env``, in an environment of nothing but PATH and that."""
    environment = os.environ if env is None else {"PATH": os.environ["PATH"], **env}
    command: list[str | Path] = [sys.executable, "-m", "sysimage", "build", "-q"]
    done = subprocess.run(
        [*command, "--cache-dir", cache or default_cache(), "-o", output, *options, spec],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        umask=umask,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return output


def build_example(
    name: str,
    output: Path,
    *options: str,
    cache: Path | None = None,
    env: Mapping[str, str] | None = None,
    umask: int = -1,
) -> Path:
    """Build examples/``name``.json as `build_spec` does."""
    return build_spec(ROOT / "examples" / f"{name}.json", output, *options, cache=cache, env=env, umask=umask)

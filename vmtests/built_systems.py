"""Systems that are built for one test module, loaded into the machine that its tests share, and run in many ways."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sysimage_vm import container
from sysimage_vm.engine import Engine
from sysimage_vm.image import read_archive
from sysimage_vm.machine_trial import MachineTrial

Spec = Mapping[str, Any]


def build_system(spec: Spec | Path, output: Path, *options: str | Path) -> Path:
    """Build a spec, or the one in a file, by the command line, from the cache that people's own builds use."""
    if not isinstance(spec, Path):
        written = output.with_suffix(".json")
        written.write_text(json.dumps(spec))
        spec = written
    command = [sys.executable, "-m", "sysimage", "build", "-q", "-o", output, *options, spec]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr
    return output


def load(engine: Engine, archive: Path) -> str:
    """Load an archive; its reference in the engine."""
    return MachineTrial(engine.machine, engine, read_archive(archive)).reference()


@contextmanager
def running(
    engine: Engine, image: str, options: Sequence[str] = (), command: Sequence[str] = (), *, name: str = "variant"
) -> Iterator[container.Container]:
    """A container that is gone afterwards."""
    # What a test before left when it failed; it would be taken for this one.
    engine.run("rm", "-f", "-v", name, accept=None)
    started = container.run(engine, image, name, options=options, command=command)
    try:
        yield started
    finally:
        started.remove()

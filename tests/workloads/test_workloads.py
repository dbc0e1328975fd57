"""Images of real services serve: each spec beside this file is built, booted in namespaces, and asked.

``NAME.json`` is a spec as a user would write it from the docs, ``NAME.probes.json`` an array of pairs: a shell command,
run as root in the booted system, and a regular expression that is found in what it prints once the service is up.
``enabled`` has specs in their shortest form: packages, and which of their units are enabled.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sysimage.cli.main import main
from tests.support.examples import ROOT, build_spec
from tests.support.namespaces import Booted, boot, unpack

HERE = Path(__file__).parent
SPECS = sorted(
    path for path in (*HERE.glob("*.json"), *HERE.glob("enabled/*.json")) if not path.name.endswith(".probes.json")
)


def answers(system: Booted, command: str, expected: str) -> None:
    """Ask until the answer is right; an AssertionError with the last one where it does not come."""
    last = ""

    def is_right() -> bool:
        nonlocal last
        done = system.run(["/bin/sh", "-c", command])
        last = done.stdout + done.stderr
        return re.search(expected, last) is not None

    try:
        system.wait_for(f"`{command}` to print {expected!r}", is_right)
    except AssertionError as error:
        raise AssertionError(f"{error}\nlast answer: {last[-2000:]}") from None


def test_the_shop_serves(tmp_path: Path) -> None:
    """The example that has everything: wheels by pip, a C extension, a database, a web server in front."""
    image = build_spec(ROOT / "examples" / "shop.jsonc", tmp_path / "shop.tar")
    words = ["test", "--in", "namespaces", "--expect", str(ROOT / "examples/shop/test_shop.py"), str(image)]
    assert main(words) == 0


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: str(path.relative_to(HERE).with_suffix("")))
def test_it_serves_and_stops(spec: Path, tmp_path: Path) -> None:
    probes = json.loads(spec.with_suffix(".probes.json").read_text())
    assert probes
    with unpack(build_spec(spec, tmp_path / "image.tar")) as files, boot(files) as system:
        for command, expected in probes:
            answers(system, command, expected)
        assert system.stop() == 0

"""Presets are read as systemd reads them: files by name, the first rule that matches counts."""

from __future__ import annotations

import pytest

from sysimage_bootstrap.units.presets import Presets

TEXTS = {
    "90-systemd.preset": "# comment\n\nenable getty@.service\ndisable console-*.service\ndisable a.service\n",
    "10-local.preset": "enable a.service x y\nnonsense\ndisable\n",
    "99-last.preset": "disable *\n",
}


@pytest.mark.parametrize(
    ("unit", "enabled"),
    [
        ("a.service", True),
        ("console-getty.service", False),
        ("getty@.service", True),
        ("other.timer", False),
    ],
)
def test_the_first_rule_of_the_first_file_counts(unit: str, *, enabled: bool) -> None:
    assert Presets.parse(TEXTS).enables(unit) is enabled


def test_a_unit_that_no_rule_mentions_is_enabled() -> None:
    assert Presets.parse({}).enables("nginx.service")

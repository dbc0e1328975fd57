"""What a spec takes besides packages, and took otherwise before, is a line for each."""

from __future__ import annotations

import pytest

from sysimage.cli.difference_text import inputs
from sysimage_bootstrap.packages.lock import InputChange

CHANGES = [
    InputChange("trees", "/srv/shop", "sha256:" + "0" * 64, "sha256:" + "1" * 64),
    InputChange("python", "idna", None, "idna-3.20-py3-none-any.whl sha256:" + "2" * 64),
    InputChange("node", "node_modules/x", "x 1.0.0 sha512:" + "3" * 128, None),
]


def test_a_line_names_kind_and_name_with_both_versions() -> None:
    assert list(inputs(CHANGES, markdown=False)) == [
        "besides packages: 3 changes",
        "  ≠ tree /srv/shop  sha256:000000000000 -> sha256:111111111111",
        "  + wheel idna  idna-3.20-py3-none-any.whl sha256:222222222222",
        "  - npm package node_modules/x  x 1.0.0 sha512:333333333333",
    ]


def test_a_table_has_a_row_for_each() -> None:
    table = list(inputs(CHANGES, markdown=True))
    assert len(table) == 6
    assert table[3] == "| + | wheel idna |  | idna-3.20-py3-none-any.whl sha256:222222222222 |"


@pytest.mark.parametrize("markdown", [False, True])
def test_without_a_change_there_is_nothing(markdown: bool) -> None:
    assert not list(inputs([], markdown=markdown))

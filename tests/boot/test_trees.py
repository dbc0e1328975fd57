"""A system with the user's own files in it boots: a service runs from a tree, and reads its secret when it starts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.examples import ROOT, build_spec
from tests.support.namespaces import Booted, boot, unpack

PROGRAM = '#!/bin/sh\ncat "$(dirname "$0")/page"\nexec sleep 100000\n'


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Booted]:
    top = tmp_path_factory.mktemp("trees")
    (spec,) = map(json.loads, re.findall(r"```json\n(.*?)```", _page(), re.DOTALL))
    (top / "dist").mkdir()
    (top / "dist/run").write_text(PROGRAM)
    (top / "dist/run").chmod(0o755)
    (top / "dist/page").write_text("this is the shop\n")
    spec["trees"] = {
        "/srv/shop": {"source": "dist"},
        "/var/lib/app": {"source": "dist", "owner": "app", "mode": "0600"},
    }
    spec["services"]["shop"] = {"command": ["/srv/shop/run"], "user": "app"}
    (top / "system.json").write_text(json.dumps(spec))
    build_spec(top / "system.json", top / "image.tar")
    with unpack(top / "image.tar") as files, boot(files) as booted:
        yield booted


def _page() -> str:
    return (ROOT / "docs/secrets.md").read_text().partition("This spec boots as it is:")[2]


def test_a_service_runs_from_a_tree(system: Booted) -> None:
    system.wait_for("the service", lambda: "this is the shop" in system.output())


def test_files_of_a_tree_are_those_of_its_item_and_copies_are_their_owners(system: Booted) -> None:
    text = "stat -c '%h %a %U' /srv/shop/page /var/lib/app/page /var/lib/app; ls -d /gnu/store/*tree*"
    lines = system.run(["/bin/sh", "-c", text]).stdout.splitlines()
    assert lines[:3] == ["2 444 root", "1 600 app", "2 700 app"]
    assert sorted(Path(line).name[33:] for line in lines[3:]) == ["tree-srv-shop", "tree-var-lib-app"]


def test_the_service_of_the_page_on_secrets_reads_its_secret(system: Booted) -> None:
    text = "mkdir -p /run/secrets && cd /run/secrets && echo twelve-chars > password && chgrp 990 password"
    assert (
        system.run(["/bin/sh", "-c", f"{text} && chmod 0440 password && herd enable app; herd restart app"]).returncode
        == 0
    )
    system.wait_for("the service", lambda: "the password has 12 letters" in system.output())

"""The core: `sysimage test` as its users start it, on an image that is well and on images that are not."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from built_systems import build_system
from conftest import LEAST, OWN_QUESTIONS, Ask, Machines
from small_images import write_small_image
from sysimage import process

pytestmark = pytest.mark.core


@pytest.fixture
def busybox() -> Path:
    return process.find("busybox", package="busybox-static")


def test_the_web_example_passes_every_question_and_those_of_its_own(ask: Ask, web: Path, tmp_path: Path) -> None:
    junit = tmp_path / "answers" / "web.xml"
    told = ask(web, "--expect", OWN_QUESTIONS, "--junit", junit, "--json")
    assert told.status == 0, told.err
    answers = told.document
    assert answers["error"] is None
    assert answers["failed_count"] == 0
    assert answers["passed_count"] >= LEAST
    assert answers["declared"]
    assert answers["seconds"].keys() >= {"machine", "load", "run", "boot", "stop"}
    cases = {
        f"{case.get('classname')}.{case.get('name')}": [child.tag for child in case]
        for case in ET.parse(junit).iter("testcase")
    }
    assert sum(children == [] for children in cases.values()) == answers["passed_count"]
    assert cases["test_web.test_the_page_is_served"] == []
    reports = Path(answers["reports"])
    assert "GNU Shepherd" in (reports / "container.log").read_text()
    assert {"machine", "inspect.json", "junit.xml"} <= {path.name for path in reports.iterdir()}
    assert (reports / "machine" / "console.log").stat().st_size > 0


def test_a_question_that_fails_is_named(ask: Ask, busybox: Path, tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_it_has_nginx(host):\n    assert host.file('/bin/nginx').exists\n")
    image = write_small_image(tmp_path / "small.tar", busybox)
    told = ask(image, "--expect", tmp_path / "test_mine.py", "-q")
    assert told.status == 5
    assert told.out == ""
    assert "questions failed\n" in told.err
    assert "test_mine.py::test_it_has_nginx: " in told.err
    assert "hint: logs are in " in told.err


def test_an_image_without_its_boot_program_is_diagnosed(ask: Ask, busybox: Path, tmp_path: Path) -> None:
    image = write_small_image(tmp_path / "broken.tar", busybox, entry=("/gnu/store/absent/boot",))
    told = ask(image)
    assert told.status == 5
    assert "the program that the image starts is not in the image" in told.err.partition("sysimage: ")[2]


def test_a_service_that_never_starts_is_diagnosed(ask: Ask, tmp_path: Path) -> None:
    never = {"command": ["sleep", "1000"], "ready": {"file": "/run/never", "timeout": 10}}
    image = build_system({"name": "late", "packages": [], "services": {"never": never}}, tmp_path / "late.tar")
    told = ask(image, "--json")
    assert told.status == 5
    assert "these services did not start: never (" in told.document["error"]["message"]
    assert told.document["error"]["exit_status"] == 5


def test_a_shell_in_the_container_runs_what_is_typed(ask: Ask, busybox: Path, tmp_path: Path) -> None:
    image = write_small_image(tmp_path / "small.tar", busybox)
    told = ask(image, "--shell", "-q", stdin="cd /bin\necho in $PWD $((6 * 7)); cat /proc/1/cmdline\nexit 3\n")
    assert told.status == 3, told.err
    assert "in /bin 42\n" in told.out
    assert "trap" in told.out, "it is the container's first process"


def test_the_machine_is_restored_and_knows_nothing_of_those_before(
    machines: Machines, busybox: Path, request: pytest.FixtureRequest
) -> None:
    with machines() as engine:
        assert engine.run("ps", "-a", "-q").text == ""
        assert engine.run("images", "-q").text == ""
    said = "\n".join(text for _, name, text in request.node._report_sections if name == "machine")
    assert "guest: restored in" in said

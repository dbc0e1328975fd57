"""What pages for contributors name is there: files, folders, and targets of make; links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OURS = [ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md", "docs/releasing.md")]
BELOW = [ROOT / name for name in ("", "sysimage", "bootstrap/sysimage_bootstrap", "vmtests/sysimage_vm", "docs")]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def named_files(text: str) -> Iterator[str]:
    """Files and folders in back quotes; those with a pattern or a placeholder are left out."""
    for quoted in re.findall(r"`([^`\s]+)`", text):
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", quoted) and (quoted.endswith((".py", "/")) or "/" in quoted):
            yield quoted


def is_there(path: str) -> bool:
    return path.isupper() or any((top / path).exists() for top in BELOW)


@pytest.mark.parametrize("page", OURS, ids=name)
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = re.sub(r"(tests/golden|tests/workloads)/[A-Z][\w.]*/?", "", page.read_text())
    found = {path for path in named_files(text) if path.split("/")[0].lower() == path.split("/")[0]}
    assert found
    assert sorted(path for path in found if not is_there(path)) == []


def test_every_target_of_make_is_in_the_table_or_in_the_loop() -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    said = (ROOT / "CONTRIBUTING.md").read_text() + (ROOT / "docs" / "releasing.md").read_text()
    mentioned = set(re.findall(r"\bmake ([a-z-]+)", said)) | set(re.findall(r"make check (test-fast)", said))
    assert targets - mentioned <= {"help", "image", "vmtest", "clean"}
    assert mentioned - targets - {"alone"} <= {"mutants"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_to_pages_and_headings(page: Path) -> None:
    lost = []
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M)):
        path, _, heading = target.partition("#")
        if ":" in path:
            continue
        file = page.parent / path if path else page
        if not file.exists() or (heading and file.suffix == ".md" and heading not in headings(file.read_text())):
            lost.append(target)
    assert lost == []


def headings(text: str) -> set[str]:
    """The anchors that GitHub and GitLab give to headings."""
    lines = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=name)
def test_a_decision_has_its_number_a_status_and_a_date_and_is_listed(page: Path) -> None:
    number, title = page.name[:4], page.read_text().splitlines()[0]
    assert title.startswith(f"# {int(number)}. ")
    assert re.search(
        r"^\*Status: (accepted|proposed|replaced by \d+)\. \d{4}-\d\d-\d\d", page.read_text(), re.MULTILINE
    ), "say such as *Status: accepted. 2026-11-28.*"
    assert f"({page.name})" in (page.parent / "README.md").read_text()
    assert [path.name for path in DECISIONS if path.name.startswith(number)] == [page.name]

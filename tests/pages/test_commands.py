"""Every command of sysimage on a page for users has verbs and flags that exist; every spec there is without fault."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysimage.cli.main import command_line
from sysimage.spec import parse_spec
from tests.support.examples import ROOT

FOLDERS = (ROOT, ROOT / "docs", ROOT / "docs" / "how-to")
PAGES = sorted(path for folder in FOLDERS for path in folder.glob("*.md") if path.name != "CHANGELOG.md")
HOW_TO = sorted((ROOT / "docs" / "how-to").glob("*.md"))
_STARTS = re.compile(r"(?:^|[|&;(]\s*|\bsudo (?:--\S+ )*|\"\$\(command -v )(sysimage (?!VERB\b)\S.*)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code(text: str) -> Iterator[str]:
    """Lines of code blocks, fenced or indented, with what a backslash continues."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    yield from (
        ("\n".join(body for kind, body in fenced if kind in ("", "console", "sh", "yaml")) + "\n")
        .replace("\\\n", " ")
        .splitlines()
    )
    plain = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (line[4:] for line in plain.splitlines() if line.startswith("    ") and not line.startswith("     "))


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of each command of sysimage; those with a gap are left out."""
    for line in code(text):
        line = re.sub(r"^\s*(?:\$|- (?:run: )?|RUN )\s*", "", line.strip())
        line = re.sub(r"^(?:[A-Z_]+=\S+ )+", "", line)
        line = line.replace('"$(command -v sysimage)"', "sysimage")
        for found in _STARTS.finditer(line):
            try:
                words = shlex.split(re.sub(r"\$\(cat \S+\)", "text", found[1]), comments=True)
            except ValueError:  # a quotation that goes on in the next line
                continue
            words = words[1 : next((at for at, word in enumerate(words) if word in ("|", "&&", ";", ">")), None)]
            if not any("…" in word or "[" in word for word in words):
                yield words


@pytest.mark.parametrize("page", [page for page in PAGES if list(commands(page.read_text()))], ids=name)
def test_commands_have_verbs_and_flags_that_exist(page: Path) -> None:
    wrong, parser = [], command_line()
    for words in commands(page.read_text()):
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                parser.parse_args(words)
        except SystemExit as ended:
            if ended.code:
                wrong.append(f"{shlex.join(words)}: {said.getvalue().splitlines()[-1:]}")
        except Exception as error:
            wrong.append(f"{shlex.join(words)}: {error}")
    assert wrong == []


def test_commands_are_found() -> None:
    text = "    sysimage build x.json    # so\n```sh\nA=1 sysimage plan a | cat\nsudo --x sysimage test b\n```\n"
    assert list(commands(text)) == [["plan", "a"], ["test", "b"], ["build", "x.json"]]
    assert sum(len(list(commands(page.read_text()))) for page in PAGES) > 80


@pytest.mark.parametrize("page", HOW_TO, ids=name)
def test_specs_are_without_fault(page: Path) -> None:
    for text in re.findall(r"^```json\n(.*?)^```", page.read_text(), flags=re.DOTALL | re.MULTILINE):
        assert parse_spec(text).name == json.loads(text)["name"]


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    lost = [
        page.stem for page in (ROOT / "docs").glob("*.md") if page.stem != "index" and f"\n{page.stem}\n" not in index
    ]
    assert lost == []

"""What scripts print, how they end and what is there afterwards, beside what a real shell with real tools comes to.

The scripts are in ``cases``, divided by empty lines.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sysimage_bootstrap.scripts.shell_parser import parse
from sysimage_bootstrap.scripts.shell_syntax import ShellSyntaxError
from tests.bootstrap.scripts.real_shell import followed, really

TEXTS = {
    "a": "one two\nThree\n\nfour.five=6\none\n",
    "b": "x:y:z\nsingle\n:lead\n",
    "n": "10\n9\n-3\nword\n9\n",
    "short": "no end",
    "empty": "",
    "t": "tab\tbed\nfoo_bar foo-bar\n(a|b)+\n",
    "d/in": "one\n",
    "d/sub/in": "two one\n",
    "d/link": "-> in",
}
"""What is in the directory of scripts about texts."""
FILES = {
    "a": "a\n",
    "b": "b\n",
    "same": "a\n",
    "empty": "",
    "run": "#!/bin/sh\n",
    "d/x": "x\n",
    "d/sub/y": "y\n",
    "d/.hidden": "",
    "void/": "",
    "to-a": "-> a",
    "to-d": "-> d",
    "nowhere": "-> absent",
    "loop": "-> loop",
    "d/up": "-> ../a",
}
"""What is in the directory of scripts about files."""


def cases(name: str) -> list[str]:
    return (Path(__file__).parent / "cases" / f"{name}.sh").read_text().rstrip().split("\n\n")[1:]


def with_each_status(script: str) -> str:
    """The script with the status of each line printed, where each line is a command of its own."""
    lines = script.split("\n")
    try:
        for line in lines:
            parse(line)
    except ShellSyntaxError:
        return script
    return "\n".join(f'{line}\necho "[$?]"' for line in lines)


@pytest.mark.parametrize("script", cases("shell"))
def test_the_language_of_the_shell_means_what_it_means_to_dash(script: str, tmp_path: Path) -> None:
    assert followed(script, {}) == really(script, {}, tmp_path, "/bin/dash")


@pytest.mark.parametrize("script", cases("bash"))
def test_what_scripts_use_of_bash_alone_means_what_it_means_to_bash(script: str, tmp_path: Path) -> None:
    assert followed(script, TEXTS) == really(script, TEXTS, tmp_path, "/bin/bash")


@pytest.mark.parametrize("script", [*map(with_each_status, cases("text_tools"))])
def test_tools_print_what_the_real_ones_print(script: str, tmp_path: Path) -> None:
    assert followed(script, TEXTS) == really(script, TEXTS, tmp_path, "/bin/sh")


@pytest.mark.parametrize("script", [*map(with_each_status, cases("file_changes"))])
def test_files_are_changed_as_the_real_tools_change_them(script: str, tmp_path: Path) -> None:
    assert followed(script, FILES) == really(script, FILES, tmp_path, "/bin/sh")


@pytest.mark.parametrize("script", [*map(with_each_status, cases("file_facts"))])
def test_files_are_seen_as_the_real_tools_see_them(script: str, tmp_path: Path) -> None:
    assert followed(script, FILES) == really(script, FILES, tmp_path, "/bin/sh")

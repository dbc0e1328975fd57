"""What shell commands of a RUN do to a system, as far as a spec has words for it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from sysimage.conversion import account_commands, file_commands, package_commands
from sysimage.conversion.command_line import CommandReader
from sysimage.conversion.spec_draft import SpecDraft

_SEPARATORS = frozenset({"&&", "||", ";", "|", "&", "(", ")", "{", "}"})
_NOTHING = frozenset({"set", "true", ":", "echo", "rm", "cd", "export", "update-ca-certificates", "ldconfig", "sync"})
_QUIET = re.compile(r"(?<!\S)(?:[12]?>\s*/dev/null|&>\s*/dev/null|2>&1|>&2)(?=\s|$|;)")
"""Redirections that leave no file."""
_ATTACHED = re.compile(r"((?!\d>)[^\s>]+)(>>?)(/\S+)")
"""A word and a redirection with no space between them."""
_INSTALLERS = frozenset({"apt-get", "apt", "apk"})
"""Their arguments are taken one by one: what only a shell knows becomes a note."""
_READERS: Mapping[str, CommandReader] = {
    **package_commands.READERS,
    **account_commands.READERS,
    **file_commands.READERS,
}


def read_commands(text: str, draft: SpecDraft, line: int | None) -> None:
    """Take over what a shell would do; what has no counterpart becomes one note each."""
    for words in commands(text):
        if not _read(words, draft, line):
            text = " ".join(words)
            shown = text if len(text) <= 70 else text[:69] + "…"
            draft.note(f"RUN {shown}: a build runs no command; declare what it makes", line)


def commands(text: str) -> Iterator[list[str]]:
    """Simple commands of a shell text, without assignments and ``sudo``; what can't be split is one word."""
    for part in _QUIET.sub(" ", text.replace("\\\n", " ")).splitlines():
        try:
            lexer = shlex.shlex(part, posix=True, punctuation_chars="();|&")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError:
            yield [part]
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word in _SEPARATORS or (word and set(word) <= set("();|&")):
                while command and (command[0] == "sudo" or re.fullmatch(r"[A-Za-z_]\w*=.*", command[0], re.DOTALL)):
                    command = command[1:]
                if command:
                    yield command
                command = []
            else:
                command.append(word)


def _read(words: Sequence[str], draft: SpecDraft, line: int | None) -> bool:
    """Whether a command was understood."""
    name = words[0].rpartition("/")[2]
    if name in ("echo", "printf"):
        words = [part for word in words for part in _apart(word)]
    if any(word.startswith(">") for word in words[1:]):
        return not any("$" in word or "`" in word for word in words) and file_commands.write_file(words, draft)
    reader = _READERS.get(name)
    if any("$" in word or "`" in word for word in words[1:]) and name not in _NOTHING | _INSTALLERS:
        return False
    if reader is not None:
        return reader([name, *words[1:]], draft, line)
    return name in _NOTHING and (name != "rm" or _is_clean_up(words))


def _apart(word: str) -> Sequence[str]:
    found = _ATTACHED.fullmatch(word)
    return (word,) if found is None else found.groups()


def _is_clean_up(words: Sequence[str]) -> bool:
    places = [word for word in words[1:] if not word.startswith("-")]
    return all(
        re.match(r"/var/(lib/apt|cache|log|tmp|lib/dpkg)|/tmp|/root/\.(cache|npm)|/usr/share/(doc|man)", one)
        for one in places
    )

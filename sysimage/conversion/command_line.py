"""The words of a command, taken apart as its program would."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sysimage.conversion.spec_draft import SpecDraft

CommandReader = Callable[[Sequence[str], SpecDraft, int | None], bool]
"""Takes the words of a command into a draft, with the line where it is; False for what was not understood."""


def split_flags(words: Sequence[str], with_value: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Arguments and flags of a command."""
    found, flags = [], {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            found.append(word)
        elif word.startswith("--") and "=" in word:
            flag, _, value = word.partition("=")
            flags[flag] = value
        elif not word.startswith("--") and f"-{word[-1]}" in with_value and rest:
            flags.update({f"-{letter}": "" for letter in word[1:-1]})
            flags[f"-{word[-1]}"] = rest.pop(0)
        elif word in with_value and rest:
            flags[word] = rest.pop(0)
        elif word.startswith("--"):
            flags[word] = ""
        else:
            flags.update({f"-{letter}": "" for letter in word[1:]})
    return found, flags

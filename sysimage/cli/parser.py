"""The parser of the command line: short help, all of it on request, and errors that say what was meant."""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import IO, Any, NoReturn

from sysimage.errors import Issue, SpecError
from sysimage.suggestions import closest

RARE = frozenset(
    {
        *("--security-archive", "--apt-root", "--keyring", "--allow-expired", "--allow-rollback", "--cache-dir"),
        *("--check-store", "--check-references", "--no-cache", "--cache-size", "--jobs", "--archive"),
        *("--strategy", "--favour", "--together-with", "--history", "--created", "--from-image"),
        *("--plain-http", "--registry-ca", "--accel", "--runtime", "--junit"),
        *("--progress", "--format", "--lockfile", "--compression", "--record", "--left-out", "--store", "--reports"),
    }
)
"""Long flags that `--help` leaves to `--help-all`: a first hour goes well without them."""
_WIDEST = 100
_OTHER_VERBS = {
    **dict.fromkeys(("load", "pull", "save"), "copy"),
    **dict.fromkeys(("create", "make", "assemble"), "build"),
    **dict.fromkeys(("validate", "check"), "lint"),
    **dict.fromkeys(("exec", "enter"), "shell"),
    **dict.fromkeys(("update", "upgrade", "outdated"), "lock"),
    **dict.fromkeys(("info", "history"), "inspect"),
    **dict.fromkeys(("rm", "clean", "gc"), "cache prune"),
    **dict.fromkeys(("images", "ps", "install"), ""),
}
"""What other tools call a verb → ours; empty where none comes near, and a similar word would mislead."""


class Parser(argparse.ArgumentParser):
    """An `argparse.ArgumentParser` whose errors are `SpecError`, and whose help has two lengths."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **options: Any) -> None:
        super().__init__(*args, **{"formatter_class": _Formatter, "allow_abbrev": False, "add_help": False, **options})
        self.examples = examples
        self.add_argument("-h", "--help", action="help", help="show what is needed most")
        if examples:
            self.add_argument("--help-all", action=_HelpAll, help="show every flag")

    def error(self, message: str) -> NoReturn:
        """Raise what argparse has found as the error of a command line."""
        missing = re.fullmatch(r"the following arguments are required: (.*)", message)
        if missing:
            words = missing[1].replace(", ", " and ")
            raise SpecError(
                f"cannot run {self.prog}: {words} {'are' if ' and ' in words else 'is'} missing",
                hint=self._usage_hint(),
            )
        of_flag = re.fullmatch(r"argument (?:-\w/)?(\S+?)(?:/\S+)?: (.*)", message, re.DOTALL)
        if of_flag:
            raise SpecError(f"cannot read {of_flag[1]}: {of_flag[2]}", hint=f"`{self._help_words()}` explains it")
        raise SpecError(f"cannot read the command line: {message}", hint=self._usage_hint())

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Raise what is wrong with words that belong to nothing."""
        flags = [word.partition("=")[0] for word in unknown if word.startswith("-") and word != "-"]
        if not flags:
            words = " ".join(map(repr, unknown))
            raise SpecError(
                f"cannot read the command line: {self.prog} takes nothing like {words}", hint=self._usage_hint()
            )
        known = sorted(flag for action in self._actions for flag in action.option_strings if flag.startswith("--"))
        guesses = [closest(flag, known) for flag in flags]
        issues = [
            Issue("", f"there is no {flag}", suggestion=guess) for flag, guess in zip(flags, guesses, strict=True)
        ]
        if len(flags) > 1:
            raise SpecError(
                f"cannot read the command line: {self.prog} has no such flags",
                hint=f"`{self._help_words()}` lists them",
                issues=issues,
            )
        hint = f"did you mean {guesses[0]}?" if guesses[0] else f"`{self._help_words()}` lists them"
        raise SpecError(f"cannot read the command line: {self.prog} has no flag {flags[0]}", hint=hint)

    def unknown_flags(self, words: Sequence[str]) -> list[str]:
        """The long flags among ``words`` that this parser does not have; those for another program do not count."""
        if any(action.nargs == argparse.REMAINDER for action in self._actions):
            return []
        known = {flag for action in self._actions for flag in action.option_strings}
        before = words[: words.index("--")] if "--" in words else words
        return [word for word in before if word.startswith("--") and word.partition("=")[0] not in known]

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        # Like the method of argparse, with other words; the method has been there since Python 2.7.
        if action.choices is None or value in action.choices:
            return
        choices = [str(choice) for choice in action.choices]
        guess = closest(str(value), choices)
        if isinstance(action, argparse._SubParsersAction):
            guess = f"build {value}" if value.endswith((".json", ".jsonc")) else _OTHER_VERBS.get(value, guess)
            hint = f"did you mean `{self.prog} {guess}`?" if guess else f"`{self.prog} --help` lists them"
            raise SpecError(f"cannot run {self.prog} {value}: there is no such verb", hint=hint)
        flag = next((flag for flag in action.option_strings if flag.startswith("--")), action.metavar or action.dest)
        hint = f"did you mean {guess}?" if guess else f"`{self._help_words()}` explains it"
        raise SpecError(f"cannot read {flag}: it must be one of {', '.join(choices)}, not {value!r}", hint=hint)

    def _usage_hint(self) -> str:
        return f"write {self.short_usage()}"

    def _help_words(self) -> str:
        return f"{self.prog} {'--help-all' if self.examples else '--help'}"

    def short_usage(self) -> str:
        """One line: the verb and what it works on."""
        return " ".join([self.prog, "[FLAGS]", *self._works_on()])

    def _works_on(self) -> Iterator[str]:
        for action in self._actions:
            if action.option_strings:
                continue
            name = str(action.metavar or action.dest)
            if action.nargs in ("*", argparse.REMAINDER):
                name = f"[{name.rstrip('.…')}…]"
            elif action.nargs == "?":
                name = f"[{name}]"
            yield name

    def format_help(self, *, everything: bool = False) -> str:
        """The help: without rare flags and details unless ``everything`` is asked for."""
        if not self.examples:
            return super().format_help()
        kept = [(action, action.help) for action in self._actions]
        self.usage = self.short_usage()
        if not everything:
            for action in self._actions:
                if RARE & set(action.option_strings):
                    action.help = argparse.SUPPRESS
                elif action.help and action.help is not argparse.SUPPRESS:
                    action.help = re.split("; ", action.help)[0]
        try:
            shown = super().format_help()
        finally:
            for action, text in kept:
                action.help = text
        lines = [shown.rstrip("\n"), "", "examples:"]
        for command, what in self.examples:
            lines += [f"  {command}", f"      {what}"]
        if not everything and any(RARE & set(action.option_strings) for action in self._actions):
            lines += ["", f"{self.prog} --help-all shows every flag and what it takes."]
        return "\n".join(lines) + "\n"

    def print_help(self, file: IO[str] | None = None, *, everything: bool = False) -> None:  # type: ignore[override]
        """Print the help in one of its lengths."""
        self._print_message(self.format_help(everything=everything), file or sys.stdout)


class _HelpAll(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str, help: str | None = None) -> None:  # noqa: A002
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help=help)

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        if isinstance(parser, Parser):
            parser.print_help(everything=True)
        parser.exit()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        columns = min(shutil.get_terminal_size((80, 24)).columns, _WIDEST)
        super().__init__(prog, max_help_position=28, width=columns - 1)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Paragraphs are filled; lines with an indent of their own stay."""
        if re.search(r"^ ", text, re.MULTILINE):
            return super()._fill_text(text, width, indent)
        return argparse.HelpFormatter._fill_text(self, text, width, indent)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """``-t, --tag NAME``: what a flag takes is printed once, after its long name."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, action.dest.upper())}"

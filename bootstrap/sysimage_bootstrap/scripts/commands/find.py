"""``find``: its tests, their combinations, and what is done with what is found."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass

from sysimage.rootfs.tree import Kind
from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage_bootstrap.scripts.command_calls import Call, UnknownError, command
from sysimage_bootstrap.scripts.commands.file_changes import name_of
from sysimage_bootstrap.scripts.root_files import FileNode
from sysimage_bootstrap.scripts.shell_patterns import glob

_KINDS = {"d": Kind.DIRECTORY, "f": Kind.FILE, "l": Kind.SYMLINK}
_IGNORED = ("-depth", "-xdev", "-mount", "-a", "-and", "-ignore_readdir_race", "-noleaf", "-true", "-quit")


@dataclass(frozen=True, slots=True)
class _Found:
    """A path that is looked at."""

    path: str
    shown: str
    """The path in the form that find prints: it begins with the starting point."""
    top: str
    node: FileNode


_Test = Callable[[_Found], bool]


@command("find")
def find(call: Call) -> int | None:
    words = list(call.arguments)
    follows = False
    while words and words[0] in ("-H", "-L", "-P"):
        follows = words.pop(0) == "-L"
    tops = []
    while words and not words[0].startswith(("-", "(", "!")):
        tops.append(words.pop(0))
    reader = _Reader(call, words, follows=follows)
    test = reader.either()
    if reader.words:
        raise UnknownError(f"what find's {reader.words[0]} finds")
    status = 0
    for top in tops or ["."]:
        base = call.path(top).rstrip("/") or "/"
        if call.files.node(base, follow=False) is None:
            status = 1
            continue
        for path in call.files.below(base):
            node = _looked_at(call, path, follows=reader.follows)
            depth = path[len(base) :].count("/")
            if node is not None and reader.least <= depth <= reader.most:
                found = _Found(path, top.rstrip("/") + path[len(base) :] if path != base else top, top, node)
                if test(found) and not reader.acts:
                    call.print(f"{found.shown}\n")
    return status


def _looked_at(call: Call, path: str, *, follows: bool) -> FileNode | None:
    """The file that find's tests examine: a link itself, or its target if the target exists."""
    node = call.files.node(path, follow=False)
    if not follows or node is None or node.kind is not Kind.SYMLINK:
        return node
    there = call.files.node(path)
    if there is not None and there.kind is Kind.DIRECTORY:
        raise UnknownError("what find finds where a link leads to a directory")
    return there or node


class _Reader:
    """Reads find's expression into a function."""

    def __init__(self, call: Call, words: list[str], *, follows: bool) -> None:
        self.call, self.words, self.follows = call, words, follows
        self.least, self.most = 0, 10**6
        self.acts = False

    def either(self) -> _Test:
        tests = [self.both()]
        while self.words and self.words[0] in ("-o", "-or"):
            self.words.pop(0)
            tests.append(self.both())
        return lambda found: any(test(found) for test in tests)

    def both(self) -> _Test:
        tests: list[_Test] = []
        while self.words and self.words[0] not in ("-o", "-or", ")"):
            tests.append(self.one())
        return lambda found: all(test(found) for test in tests)

    def one(self) -> _Test:
        word = self.words.pop(0)
        if word in ("!", "-not"):
            inner = self.one()
            return lambda found: not inner(found)
        if word == "(":
            inner = self.either()
            if self.words[:1] != [")"]:
                raise UnknownError("what find's expression means")
            self.words.pop(0)
            return inner
        if word in _IGNORED:
            return lambda found: True
        if word == "-follow":
            self.follows = True
            return lambda found: True
        if word in ("-mindepth", "-maxdepth"):
            number = int(self.words.pop(0))
            self.least, self.most = (number, self.most) if word == "-mindepth" else (self.least, number)
            return lambda found: True
        if word in ("-print", "-print0", "-delete", "-exec", "-execdir", "-printf"):
            self.acts = True
            return self._action(word)
        if word == "-empty":
            return lambda found: _is_empty(self.call, found)
        return self._test(word, self.words.pop(0) if self.words else "")

    def _action(self, word: str) -> _Test:
        call = self.call
        if word == "-delete":
            return lambda found: _delete(call, found)
        if word in ("-exec", "-execdir"):
            end = next((at for at, one in enumerate(self.words) if one in (";", "+")), len(self.words))
            words, self.words = self.words[:end], self.words[end + 1 :]
            return lambda found: (
                call.shell.call(0, [one.replace("{}", found.shown) for one in words], call.stdin, call.out) == 0
            )
        if word == "-printf":
            form = self.words.pop(0)
            if unknown := [letter for letter in re.findall("%(.)", form) if letter not in "fpPh%"]:
                raise UnknownError(f"what find prints for %{unknown[0]}")
            return lambda found: _print(call, _formatted(form, found))
        end_of_name = "\0" if word == "-print0" else "\n"
        return lambda found: _print(call, f"{found.shown}{end_of_name}")

    def _test(self, word: str, value: str) -> _Test:
        match word:
            case "-type":
                kinds = {_KINDS.get(one) for one in value.split(",")}
                return lambda found: found.node.kind in kinds
            case "-name" | "-iname":
                named = re.compile(glob(value), re.DOTALL | (re.IGNORECASE if word == "-iname" else 0))
                return lambda found: named.fullmatch(posixpath.basename(found.path)) is not None
            case "-path" | "-wholename":
                whole = re.compile(glob(value), re.DOTALL)
                return lambda found: whole.fullmatch(found.shown) is not None
            case "-regex":
                expression = re.compile(value.replace(r"\(", "(").replace(r"\)", ")").replace(r"\|", "|"))
                return lambda found: expression.fullmatch(found.shown) is not None
            case "-user":
                return lambda found: found.node.owner == value
            case "-group":
                return lambda found: found.node.group == value
            case "-uid":
                return lambda found: found.node.owner == name_of(value, BASE_USERS)
            case "-gid":
                return lambda found: found.node.group == name_of(value, BASE_GROUPS)
            case "-perm" if re.fullmatch("[-/]?[0-7]+", value):
                bits = int(value.lstrip("-/"), 8)
                return lambda found: (
                    found.node.mode & bits == bits
                    if value[0] == "-"
                    else bool(found.node.mode & bits)
                    if value[0] == "/"
                    else found.node.mode == bits
                )
        raise UnknownError(f"what find's {word} finds")


def _delete(call: Call, found: _Found) -> bool:
    call.files.remove(found.path)
    return True


def _print(call: Call, text: str) -> bool:
    call.print(text)
    return True


def _formatted(form: str, found: _Found) -> str:
    known = {
        "f": posixpath.basename(found.path),
        "p": found.shown,
        "P": found.shown[len(found.top) :].lstrip("/"),
        "h": posixpath.dirname(found.shown) or ".",
        "%": "%",
    }
    text = form.replace(r"\n", "\n").replace(r"\0", "\0").replace(r"\t", "\t")
    return re.sub("%([fpPh%])", lambda match: known[match[1]], text)


def _is_empty(call: Call, found: _Found) -> bool:
    if found.node.kind is Kind.DIRECTORY:
        return not call.files.names(found.path)
    return found.node.kind is Kind.FILE and call.files.read(found.path) == b""

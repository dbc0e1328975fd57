"""Pytest as a server of mutants: it collects the tests once, and tries each mutant in a fork of itself.

`--serve READ,WRITE` are two open files: a request on a line, a reply on a line, both JSON. A request has the module's
path, its text, the text of the mutant, the names of the tests in their order and the seconds that they have. The reply
is the name of the test that failed or took too long, or null; or `elsewhere` where functions alone cannot carry the
change, because it is in what a module does while it is imported.

In the fork, the code of the functions that the mutant changes is put in the place of theirs, wherever they were
imported to. Programs that tests start do not have it.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import json
import os
import resource
import select
import signal
from collections import defaultdict
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, NoReturn

import pytest
from hypothesis import Phase

from tests.support.properties import change_settings, properties_of

ELSEWHERE = "elsewhere"
"""The reply where functions alone cannot carry a change."""
_MEMORY = 6 << 30
"""Bytes that a mutant may take: some do not end."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--serve")


def pytest_configure(config: pytest.Config) -> None:
    if files := config.getoption("--serve"):
        config.pluginmanager.register(_Server(*map(int, files.split(","))))


class NotInFunctionsError(Exception):
    """A change that is not in the code of functions alone."""


def changed_code(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The functions' codes that differ between two versions of a module; NotInFunctionsError if other code does.

    Of a function in a function both differ: one that was made while a module was imported has the inner code already.
    """
    is_function = bool(before.co_flags & inspect.CO_NEWLOCALS)  # neither a module nor the body of a class
    if is_function and _shape(before, is_deep=True) != _shape(after, is_deep=True):
        yield before, after
    elif not is_function and _shape(before, is_deep=False) != _shape(after, is_deep=False):
        raise NotInFunctionsError
    for one, other in zip(before.co_consts, after.co_consts, strict=False):
        if isinstance(one, CodeType) and isinstance(other, CodeType):
            yield from changed_code(one, other)


def _shape(code: CodeType, *, is_deep: bool) -> tuple[object, ...]:
    """What a code does, wherever its lines are; with the codes within it, or only that there are some."""
    constants = [
        (_shape(each, is_deep=True) if is_deep else None) if isinstance(each, CodeType) else (type(each), repr(each))
        for each in code.co_consts
    ]
    return code.co_code, code.co_names, code.co_varnames, code.co_freevars, constants


def functions_by_file() -> dict[str, list[FunctionType]]:
    """All functions that there are, by the paths of their modules."""
    found: dict[str, list[FunctionType]] = defaultdict(list)
    gc.unfreeze()  # what is frozen is not among the objects
    for each in gc.get_objects():
        if isinstance(each, FunctionType):
            found[each.__code__.co_filename].append(each)
    return found


def put_in_place(functions: Iterable[FunctionType], path: str, before: str, after: str) -> None:
    """Give a module's functions the code that a mutant has for them; NotInFunctionsError if that is not possible."""
    versions = [compile(text, path, "exec", dont_inherit=True) for text in (before, after)]
    changes = list(changed_code(*versions))
    changed = [(each, new) for each in functions for old, new in changes if each.__code__ == old]
    if not changed:
        raise NotInFunctionsError
    for function, code in changed:
        try:
            function.__code__ = code
        except ValueError:  # it uses another number of variables of the function around it
            raise NotInFunctionsError from None


class _Server:
    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._failed = False
        self._functions: dict[str, list[FunctionType]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        for test in properties_of(session.items):  # which end at their first failure
            phases = (Phase.explicit, Phase.generate)
            change_settings(test, phases=phases, database=None, report_multiple_bugs=False)
        self._functions = functions_by_file()
        gc.collect()
        gc.freeze()  # otherwise each fork soon copies all memory
        with open(self._read) as requests, open(self._write, "w") as replies:
            for line in requests:
                request = json.loads(line)
                chosen = [items[name] for name in request["tests"] if name in items]
                print(json.dumps(self._tried(request, chosen)), file=replies, flush=True)
        return True

    def _tried(self, request: dict[str, Any], chosen: list[pytest.Item]) -> str | None:
        with open(os.memfd_create("test"), "r+b", buffering=0) as current:
            child = os.fork()
            if not child:
                self._run(request, chosen, current.fileno())
            status = _end_of(child, request["seconds"])
            current.seek(0)
            return None if status == 0 else current.readline().decode().strip()

    def _run(self, request: dict[str, Any], chosen: list[pytest.Item], current: int) -> NoReturn:
        """What the fork does: it ends with 0 if all tests succeed, otherwise the file names the one that fails."""
        status = 1
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.pwrite(current, f"{ELSEWHERE}\n".encode(), 0)
            if request["before"] != request["after"]:
                put_in_place(self._functions[request["path"]], request["path"], request["before"], request["after"])
            for number, item in enumerate(chosen):
                os.pwrite(current, f"{item.nodeid}\n".encode(), 0)
                following = chosen[number + 1] if number + 1 < len(chosen) else None
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._failed:
                    break
            else:
                status = 0
        finally:
            os._exit(status)


def _end_of(child: int, seconds: float) -> int | None:
    """The exit status of a fork and of what it has started, or None if it takes longer."""
    ends = os.pidfd_open(child)
    is_ended = bool(select.select([ends], [], [], seconds)[0])
    os.close(ends)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if is_ended else None

"""Pytest's part of `make mutants`: it records which lines each test runs, and runs chosen tests in a chosen order.

`--trace-to DIRECTORY` writes one JSON document for each process of the run: the seconds of each test, those that
failed, and for each line of the traced packages the tests that run it (0 for what runs while modules are imported).
`--chosen FILE` runs the tests of a JSON list of names, in its order.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from coverage import Coverage

TRACED = ("sysimage", "bootstrap", "vmtests/sysimage_vm")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--trace-to", type=Path)
    parser.addoption("--chosen", type=Path)


def pytest_configure(config: pytest.Config) -> None:
    directory: Path | None = config.getoption("--trace-to")
    is_controller = hasattr(config, "workerinput") is False and config.getoption("numprocesses", None)
    if directory is not None and not is_controller:
        config.pluginmanager.register(_Tracer(config.rootpath, directory))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen: Path | None = config.getoption("--chosen")
    if chosen is not None:
        by_name = {item.nodeid: item for item in items}
        items[:] = [by_name[name] for name in json.loads(chosen.read_text()) if name in by_name]


class _Tracer:
    def __init__(self, root: Path, directory: Path) -> None:
        self._root, self._directory = root, directory
        self._seconds: dict[str, float] = {}
        self._failed: list[str] = []
        self._coverage = Coverage(data_file=None, include=[f"{root / name}/*" for name in TRACED], messages=False)
        self._coverage.set_option("run:core", "ctrace")  # the one that knows tests
        self._coverage.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self._failed.append(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        began = time.perf_counter()
        try:
            return (yield)
        finally:
            self._seconds[item.nodeid] = time.perf_counter() - began
            self._coverage.switch_context("")

    def pytest_sessionfinish(self) -> None:
        self._coverage.stop()
        data = self._coverage.get_data()
        numbers = {name: number for number, name in enumerate(["", *self._seconds])}
        lines = {
            str(Path(file).relative_to(self._root)): {
                line: [numbers[name] for name in names if name in numbers]
                for line, names in data.contexts_by_lineno(file).items()
            }
            for file in data.measured_files()
        }
        document = {"seconds": self._seconds, "failed": self._failed, "lines": lines}
        (self._directory / f"{os.getpid()}.json").write_text(json.dumps(document))

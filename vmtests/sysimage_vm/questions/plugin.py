"""The pytest plugin of ``sysimage test``: gives questions their trial and keeps what explains a failure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from testinfra.host import Host

from sysimage.errors import BootTestError
from sysimage_vm.trial import Trial


class Questions:
    """Fixtures around one trial. ``fault`` is set when machine or image failed, which ends the run."""

    def __init__(self, trial: Trial, header: list[str]) -> None:
        self._trial = trial
        self._header = header
        self.fault: BootTestError | None = None
        self.failed = 0
        self.passed = 0
        self.skipped = 0

    @pytest.fixture(scope="session")
    def trial(self) -> Trial:
        """The image, its machine and its engine."""
        return self._trial

    @pytest.fixture(scope="session")
    def host(self, trial: Trial) -> Host:
        """testinfra's host: the booted container."""
        return trial.booted.host

    @pytest.fixture(scope="session")
    def guest(self, trial: Trial) -> Host:
        """testinfra's host: the machine that the engine runs in."""
        return trial.guest

    def pytest_report_header(self) -> list[str]:
        return self._header

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            report.sections.append(("console", self._trial.machine.console.tail(40)))
            if call.excinfo is not None and isinstance(call.excinfo.value, BootTestError):
                self.fault = self.fault or call.excinfo.value
                report.longrepr = str(call.excinfo.value)
                item.session.shouldfail = f"no further questions: {call.excinfo.value.message}"
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed += 1
        elif report.skipped:
            self.skipped += 1
        elif report.when == "call":
            self.passed += 1

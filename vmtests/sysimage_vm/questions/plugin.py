"""The pytest plugin of ``sysimage test``: hands the trial over and keeps what explains a failure."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from sysimage.errors import BootTestError, Issue
from sysimage.signals import keep_unwinding
from sysimage_vm.questions.fixtures import TRIAL
from sysimage_vm.trial import Trial

TESTINFRA_PLUGIN = "pytest11.testinfra"
"""The name that testinfra's plugin goes by. Its ``host`` fixture would ask this machine, so it must not be loaded."""


class Questions:
    """One run of questions. ``fault`` is set when machine or image failed, which ends the run."""

    def __init__(self, trial: Trial, header: list[str]) -> None:
        self._trial = trial
        self._header = header
        self.fault: BootTestError | None = None
        self.issues: list[Issue] = []
        self.interrupt: BaseException | None = None
        """The exception that ended the questions; pytest itself would only report an interrupt."""
        self.failed = 0
        self.passed = 0
        self.skipped = 0

    def pytest_configure(self, config: pytest.Config) -> None:
        if config.pluginmanager.has_plugin(TESTINFRA_PLUGIN):
            raise pytest.UsageError("testinfra's own plugin is active, whose host is this machine")
        config.stash[TRIAL] = self._trial

    def pytest_report_header(self) -> list[str]:
        return self._header

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed:
            if around := self._trial.surroundings():
                report.sections.append(("console", around))
            if call.excinfo is not None and isinstance(call.excinfo.value, BootTestError):
                self.fault = self.fault or call.excinfo.value
                report.longrepr = str(call.excinfo.value)
                item.session.shouldfail = f"no further questions: {call.excinfo.value.message}"
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.interrupt = excinfo.value
        keep_unwinding()  # pytest caught it, and now takes down what its fixtures have set up

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.issues.append(Issue(report.nodeid, "cannot be read as a pytest module"))

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed += 1
            crash = getattr(report.longrepr, "reprcrash", None)
            said = crash.message if crash else str(report.longrepr)
            module, _, question = report.nodeid.partition("::")
            where = f"{module.rpartition('/')[2]}::{question}"
            self.issues.append(Issue(where, said.splitlines()[0] if said else "failed"))
        elif report.skipped:
            self.skipped += 1
        elif report.when == "call":
            self.passed += 1

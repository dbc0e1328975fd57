"""What is printed when something goes wrong, and with which status it ends."""

from __future__ import annotations

import errno

import pytest

from sysimage import errors
from sysimage.cli.failure import INTERNAL, report_failure
from sysimage.cli.terminal import Terminal
from tests.support.documents import read_document

TERMINAL = Terminal({}, results_are_read=False, progress_is_read=False)
DEBUGGING = Terminal({"SYSIMAGE_DEBUG": "1"}, results_are_read=False, progress_is_read=False)


def test_message_issues_and_one_hint_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    issue = errors.Issue("/name", "is wrong", 3, "base")
    status = report_failure(
        errors.SpecError("cannot read x: one fault", hint="look", issues=[issue]), TERMINAL, as_json=False
    )
    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "sysimage: cannot read x: one fault",
        "  line 3: /name: is wrong (did you mean 'base'?)",
        "hint: look",
    ]


def test_machines_get_the_same_as_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    issue = errors.Issue("/name", "is wrong", 3, "base", 7)
    report_failure(errors.SpecError("cannot read x", hint="look", issues=[issue]), TERMINAL, as_json=True)
    assert read_document(capsys.readouterr().out) == {
        "kind": "error",
        "format_version": 1,
        "error": {
            "message": "cannot read x",
            "issues": [
                {"where": "/name", "line": 3, "column": 7, "file": None, "message": "is wrong", "suggestion": "base"}
            ],
            "hint": "look",
            "exit_status": 2,
        },
    }


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.SysimageError, 1),
        (errors.SpecError, 2),
        (errors.LockError, 3),
        (errors.IntegrityError, 4),
        (errors.BootTestError, 5),
        (errors.RegistryError, 6),
        (errors.MachineError, 7),
    ],
)
def test_each_kind_of_error_has_its_documented_status(kind: type[errors.SysimageError], status: int) -> None:
    assert report_failure(kind("cannot do it: because"), TERMINAL, as_json=False) == status


def test_a_full_disk_is_the_machine_s_fault(capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/cache/x")
    assert report_failure(full, TERMINAL, as_json=False) == 7
    assert capsys.readouterr().err == "sysimage: cannot use /cache/x: No space left on device\n"
    assert report_failure(MemoryError(), TERMINAL, as_json=False) == 7


def test_a_fault_of_sysimage_says_so_and_hides_the_traceback_until_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise KeyError("oops")

    for terminal, traced in ((TERMINAL, False), (DEBUGGING, True)):
        try:
            fail()
        except KeyError as error:
            status = report_failure(error, terminal, as_json=False)
        told = capsys.readouterr().err
        assert status == INTERNAL
        assert "internal error: KeyError: 'oops'" in told
        assert "in fail, " in told
        assert "please report it" in told
        assert ("Traceback" in told) is traced
        assert ("SYSIMAGE_DEBUG=1" in told) is not traced


def test_no_words_of_an_input_are_orders_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    issue = errors.Issue("/users/a\nhint: run this", "is \x1b[2Jwrong\nin two lines \ud800", suggestion="\u202eb")
    report_failure(errors.SpecError("cannot read \x1b]0;title\x07", issues=[issue]), TERMINAL, as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "sysimage: cannot read \\u001b]0;title\\u0007",
        "  /users/a\\u000ahint: run this: is \\u001b[2Jwrong",
        "    in two lines \\ud800 (did you mean '\\u202eb'?)",
    ]
    report_failure(errors.SpecError("cannot", issues=[issue]), TERMINAL, as_json=True)
    out = capsys.readouterr().out
    assert read_document(out)["error"]["issues"][0]["message"] == issue.message
    assert "\x1b" not in out


def test_tables_and_results_are_lines_of_text(capsys: pytest.CaptureFixture[str]) -> None:
    TERMINAL.table(("what",), [["a\nb\x1b[0m"]])
    TERMINAL.result("\x9b31m")
    assert capsys.readouterr().out.splitlines() == ["what", "a\\u000ab\\u001b[0m", "\\u009b31m"]

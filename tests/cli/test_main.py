"""The program as it is started."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from sysimage.cli import main
from tests.support.builds import registered, small_spec
from tests.support.documents import read_document
from tests.support.store_builder import Program as Executable
from tests.support.store_builder import StoreBuilder

ROOT = Path(__file__).parents[2]
ENVIRON = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8"}
PROGRAM = [sys.executable, "-m", "sysimage"]


@dataclass(frozen=True)
class Told:
    status: int
    out: str
    err: str


class Program(Protocol):
    def __call__(self, *argv: str | Path, stdin: str = "", **environ: str) -> Told: ...


@pytest.fixture
def sysimage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """The program within this process, which has imported what it needs."""

    def run(*argv: str | Path, stdin: str = "", **environ: str) -> Told:
        for name in [name for name in os.environ if name.startswith(("SYSIMAGE_", "SOURCE_DATE"))]:
            monkeypatch.delenv(name)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        try:
            status = main([str(word) for word in argv])
        except SystemExit as ended:
            status = int(ended.code or 0)
        captured = capsys.readouterr()
        return Told(status, captured.out, captured.err)

    return run


def test_help_names_every_verb_and_status(sysimage: Program) -> None:
    told = sysimage("--help")
    assert told.status == 0
    for verb in ("build", "plan", "inspect", "verify", "test", "lock", "schema", "completion"):
        assert f"\n    {verb}" in told.out
        assert sysimage(verb, "--help").status == 0


def test_help_does_not_pay_for_the_rooms() -> None:
    code = "import sys; from sysimage.cli.main import command_line; command_line(); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    for module in ("pydantic", "networkx", "rich", "sh", "urllib3", "sqlite3", "subprocess", "sysimage.spec"):
        assert f"'{module}'" not in loaded, module


@pytest.mark.slow
def test_an_unchanged_build_does_not_load_what_it_does_not_use(tmp_path: Path) -> None:
    spec = small_spec(tmp_path)
    words = ["build", str(spec), "--output", str(tmp_path / "small.tar"), "--cache-dir", str(tmp_path / "cache")]
    code = f"import sys; from sysimage.cli import main; main({words}); print(sorted(sys.modules))"

    def loaded() -> str:
        environ = {**os.environ, "PATH": ""}
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environ
        ).stdout

    assert "'sysimage.layerplan.planner'" in loaded()
    again = loaded()
    assert "'sysimage.from_store.realise'" in again
    for module in (
        "networkx",
        "rich",
        "sh",
        "urllib3",
        "sysimage.api.values",
        "sysimage.bases.read",
        "sysimage.cli.manual",
        "sysimage.destinations.registry",
        "sysimage.layerplan.planner",
        "sysimage.npm_packages",
        "sysimage.wheels",
        "sysimage_bootstrap.integrity_check",
        "sysimage_bootstrap.packages.own_packages",
        "sysimage_bootstrap.scripts",
    ):
        assert f"'{module}'" not in again, module


def test_no_verb_is_a_wrong_use(sysimage: Program) -> None:
    told = sysimage()
    assert told.status == 2
    assert "usage: sysimage" in told.out


@pytest.mark.parametrize(
    "argv", [["bild"], ["build"], ["build", "x.json", "--max-layer", "5"], ["build", "x", "-j", "0"]]
)
def test_a_wrong_flag_is_a_wrong_use(sysimage: Program, argv: list[str]) -> None:
    assert sysimage(*argv).status == 2


def test_the_schema_is_the_shipped_one(sysimage: Program) -> None:
    assert sysimage("schema").out == (ROOT / "docs" / "system.schema.json").read_text()


def test_every_fault_of_a_spec_is_reported_before_anything_is_fetched(sysimage: Program, tmp_path: Path) -> None:
    spec = tmp_path / "system.json"
    spec.write_text('{\n  "name": "Base",\n  "packages": [],\n  "servces": {}\n}\n')
    told = sysimage("build", spec)
    assert told.status == 2
    assert told.out == ""
    assert told.err.splitlines() == [
        f"sysimage: cannot read {spec}: 2 faults",
        f"  {spec}:2:3: /name: must be an image name: lower-case letters and digits, with '.', '_', '-' or '/' "
        "between them",
        f"  {spec}:4:3: /servces: is not a key that is known here (did you mean 'services'?)",
        "hint: sysimage schema prints what a spec may say, for people and for editors",
    ]
    document = read_document(sysimage("build", spec, "--json").out)
    assert [issue["line"] for issue in document["error"]["issues"]] == [2, 4]


@pytest.mark.parametrize("verb", ["build", "plan"])
def test_what_would_not_run_is_reported_at_its_place_in_the_file(sysimage: Program, tmp_path: Path, verb: str) -> None:
    store = StoreBuilder(tmp_path / "store")
    tool = store.add("tool", {"bin": {"tool": Executable("#!/bin/none\n")}}).path
    registered(store.closure("tool"), tmp_path / "registration")
    spec = tmp_path / "system.json"
    source = {"paths": [str(tool)], "source": "registration", "location": "store"}
    text = f"""{{
  "name": "tool", "from-store": {json.dumps(source)},
  "entry-point": [
    "bin/tool", "x"],
  "health-check": {{"command": ["curl"]}}
}}"""
    spec.write_text(text)
    told = sysimage(verb, "--cache-dir", tmp_path / "cache", spec)
    assert told.status == 2
    assert told.err.splitlines()[-4:] == [
        "sysimage: cannot build tool: 2 faults",
        f"  {spec}:4:5: /entry-point/0: what runs first is {tool}/bin/tool, a script for /bin/none, which is not in "
        "the image",
        f"  {spec}:5:20: /health-check/command: what checks the health is curl, which is not in the image's {tool}/bin",
        "hint: name an interpreter that the image has",
    ]
    assert not list(tmp_path.glob("*.tar"))
    document = read_document(sysimage(verb, "--json", "--cache-dir", tmp_path / "cache", spec).out)
    places = [(issue["line"], issue["column"], issue["where"]) for issue in document["error"]["issues"]]
    assert places == [(4, 5, "/entry-point/0"), (5, 20, "/health-check/command")]


def test_a_spec_may_come_from_standard_input(sysimage: Program) -> None:
    told = sysimage("build", "-", stdin='{"name": 5}')
    assert told.status == 2
    assert "must be a string, not 5" in told.err


def test_a_bad_source_date_epoch_fails_loudly(sysimage: Program, tmp_path: Path) -> None:
    told = sysimage("plan", ROOT / "examples" / "base.json", SOURCE_DATE_EPOCH="yesterday")
    assert told.status == 2
    assert "SOURCE_DATE_EPOCH: 'yesterday'" in told.err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--json"], "cannot print the result as JSON"),
        (["--format", "oci-dir"], "cannot write an OCI layout to standard output"),
    ],
)
def test_what_cannot_go_to_standard_output_is_refused(sysimage: Program, argv: list[str], message: str) -> None:
    told = sysimage("build", "-o", "-", *argv, ROOT / "examples" / "base.json")
    assert told.status == 2
    assert message in told.err


@pytest.mark.parametrize(
    ("argv", "status", "message"),
    [
        (["--max-layers", "126"], 2, "cannot plan 126 layers"),
        (["--compression", "xz"], 2, "cannot compress layers with 'xz'"),
        (["--tag", "Bad!"], 2, "cannot name the image"),
        (["-o", "no/such/directory/x.tar"], 7, "there is no directory no/such/directory"),
    ],
)
def test_what_the_last_room_would_refuse_is_refused_before_anything_is_fetched(
    sysimage: Program, argv: list[str], status: int, message: str, tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    told = sysimage("build", "--cache-dir", cache, *argv, ROOT / "examples" / "base.json")
    assert told.status == status
    assert message in told.err
    assert not cache.exists()


def test_a_missing_image_is_a_fault_of_the_command(sysimage: Program, tmp_path: Path) -> None:
    for verb in ("verify", "inspect"):
        told = sysimage(verb, tmp_path / "none.tar")
        assert told.status == 2
        assert told.err.startswith("sysimage: cannot read ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_unwinds_and_is_reported_by_the_status(number: signal.Signals, tmp_path: Path) -> None:
    """The program waits for a spec on standard input, which never comes."""
    child = waiting_program(signal.SIG_DFL)
    deadline = time.monotonic() + 20
    handlers = Path(f"/proc/{child.pid}/status")
    while not caught(handlers.read_text(), signal.SIGTERM):
        assert time.monotonic() < deadline, "the program never began to listen for signals"
        time.sleep(0.01)
    child.send_signal(number)
    _, told = child.communicate(timeout=20)
    assert child.returncode == 128 + number
    assert b"Traceback" not in told


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    child = waiting_program(signal.SIG_IGN)
    child.send_signal(signal.SIGHUP)
    _, told = child.communicate(b"{", timeout=20)
    assert child.returncode == 2
    assert b"the object is not closed" in told


def waiting_program(handler: signal.Handlers) -> subprocess.Popen[bytes]:
    """A build that waits for its spec on standard input, begun with what a shell may have set for signals."""

    def begin() -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, handler)

    return subprocess.Popen(
        [*PROGRAM, "build", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRON,
        cwd=ROOT,
        preexec_fn=begin,
    )


def caught(status: str, number: signal.Signals) -> bool:
    mask = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask.split()[1], 16) >> (number - 1) & 1)


def test_a_reader_that_leaves_is_not_an_error_to_talk_about() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    told = subprocess.run(
        [*PROGRAM, "schema"], stdout=writer, stderr=subprocess.PIPE, env=ENVIRON, cwd=ROOT, check=False
    )
    os.close(writer)
    assert told.returncode == 128 + signal.SIGPIPE
    assert told.stderr == b""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_flag(sysimage: Program, shell: str) -> None:
    script = sysimage("completion", shell).out
    assert "max-layers" in script
    assert "verify" in script


def test_bash_completes_verbs_and_flags(sysimage: Program) -> None:
    script = sysimage("completion", "bash").out
    ask = 'COMP_WORDS=(sysimage "$@"); COMP_CWORD=$#; _shtab_sysimage; printf "%s\\n" "${COMPREPLY[@]}"'

    def complete(*words: str) -> list[str]:
        told = subprocess.run(
            ["bash", "-c", f"{script}\n{ask}", "x", *words], capture_output=True, text=True, check=True, env=ENVIRON
        )
        return told.stdout.split()

    assert complete("ver") == ["verify"]
    assert complete("build", "--max") == ["--max-layers"]
    assert complete("build", "--progress", "pl") == ["plain"]


def test_there_is_nothing_to_lock_in_what_a_store_holds(sysimage: Program, tmp_path: Path) -> None:
    (tmp_path / "system.json").write_text('{"name": "tool", "from-store": {"paths": ["result"]}}')
    told = sysimage("lock", tmp_path / "system.json")
    assert told.status == 2
    assert "made of what a store holds" in told.err
    assert [path.name for path in tmp_path.iterdir()] == ["system.json"]

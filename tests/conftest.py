"""What holds for every test.

No deadline, because how long an example takes says how busy the machine is. Signals as a terminal's programs have
them: a shell starts its background jobs with some ignored, and what a test starts would ignore them too.

Tests that need more of the machine than Debian's smallest installation has the mark `programs`: programs of others, the
package archive, namespaces, an engine. `make test-fast` leaves them out, and a test without the mark that starts such a
program fails here.
"""

import atexit
import gc
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.properties import change_settings, properties_of, settings_of

settings.register_profile("sysimage", deadline=None)
settings.load_profile("sysimage")

for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

FOLDERS = ("boot", "clients", "digests", "dpkg_configure", "guix", "workloads")
"""Whose tests all have the mark."""
EVERYWHERE = {
    "bash",
    "cp",
    "dash",
    "dpkg",
    "gzip",
    "setpriv",
    "sh",
    "tar",
    "true",
    *(f"ld-linux-{cpu}" for cpu in ("x86-64", "aarch64")),
}
"""Programs that no Debian is without."""
NAMESPACES = "sysimage.containers.mount_namespace"
"""The module that enters them."""
SYSTEM = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/lib")


gc.disable()  # until all tests are collected: ten thousand of them stay, and each collection would look at them again


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(10_000)  # Python looks after 700 new objects, which tests make all the time and drop again
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--more-examples", type=int, default=1, help="how many times as many examples properties get")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for test in properties_of(items):
        examples = settings_of(test).max_examples * config.getoption("--more-examples")
        change_settings(test, max_examples=examples)
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in FOLDERS:
            item.add_marker(pytest.mark.programs)


def _needed(words: Sequence[str]) -> str:
    """What a test that starts a program, of which ``words`` are the path and the arguments, needs of the machine."""
    if NAMESPACES in words:
        return "namespaces"
    name = Path(words[0]).name.partition(".")[0]
    is_python = name.startswith("python") or words[0] == sys.executable
    return name if words[0].startswith(SYSTEM) and name not in EVERYWHERE and not is_python else ""


class _Started:
    """The programs of the system that were started during a test, by this process or by one that it forked."""

    def __init__(self) -> None:
        # A file, because what is forked closes what it has open before it becomes another program.
        self._file = Path(tempfile.mkstemp(prefix="sysimage-started-")[1])
        atexit.register(self._file.unlink, missing_ok=True)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        """A hook of Python's for what a program does."""
        if event in ("os.exec", "os.posix_spawn", "subprocess.Popen"):
            given = (arguments[0], *arguments[1])
            words = [os.fsdecode(word) if isinstance(word, bytes) else str(word) for word in given]
            if need := _needed(words):
                with self._file.open("a") as file:
                    file.write(f"{need}\n")

    def taken(self) -> str:
        """Their names since the last time."""
        if not self._file.stat().st_size:
            return ""
        names = sorted(set(self._file.read_text().split()))
        self._file.write_text("")
        return ", ".join(names)


_started = _Started()
sys.addaudithook(_started.see)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test without the mark that starts what not every machine has."""
    _started.taken()
    yield
    if item.get_closest_marker("programs") is None and (names := _started.taken()):
        pytest.fail(f"starts {names}: give it the mark `programs`")

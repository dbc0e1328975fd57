"""A headless Chromium, asked over a pipe in its DevTools protocol: pages as people, printers and readers get them."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from sysimage import process

_PATIENCE = 120.0
"""Seconds that a busy machine gets for one answer."""
READY = "document.documentElement?.dataset.ready"
"""By which a report says that it is drawn."""


class Page:
    """One page in the browser."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests, self._answers = requests, answers
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """The answer to one request; events that come before it are kept."""
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            request["sessionId"] = self._session
        os.write(self._requests, json.dumps(request).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, message["error"]
                return message["result"]
            self.events.append(message)

    def open(self, url: str, *, width: int = 1280, height: int = 900, dark: bool = False, ready: str = READY) -> None:
        """Load a page and wait until the JavaScript expression ``ready`` is true of it."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, still])
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)
        end = time.monotonic() + _PATIENCE
        while not self.ask(ready):
            assert time.monotonic() < end, f"the page is never ready: {ready}"
            time.sleep(0.02)

    def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, code: int) -> None:
        """Press and release a key; ``code`` is Windows' number of it, which keyboards are known by."""
        kinds: tuple[Literal["rawKeyDown", "keyUp"], ...] = ("rawKeyDown", "keyUp")
        for kind in kinds:
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)
        if key == "Enter":
            self.call("Input.dispatchKeyEvent", type="char", text="\r", key=key)

    def screenshot(self, path: Path, *, quality: int = 80) -> None:
        """Save what is to be seen, in the format of the name's ending: ``.png`` or ``.webp``."""
        form = path.suffix.removeprefix(".")
        more = {} if form == "png" else {"quality": quality}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format=form, **more)["data"]))

    def printed(self) -> bytes:
        """The page as PDF."""
        return base64.b64decode(self.call("Page.printToPDF", preferCSSPageSize=True)["data"])

    def requested(self) -> list[str]:
        """Addresses that pages asked for."""
        urls = (event["params"]["request"]["url"] for event in self._of("Network.requestWillBeSent"))
        return [url for url in urls if url != "about:blank"]

    def complaints(self) -> list[str]:
        """Uncaught errors, and what the browser's console reports."""
        thrown = [str(event["params"]["exceptionDetails"]) for event in self._of("Runtime.exceptionThrown")]
        return thrown + [event["params"]["entry"]["text"] for event in self._of("Log.entryAdded")]

    def _of(self, method: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("method") == method]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], _PATIENCE)
            assert ready, "the browser does not answer"
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser has ended"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        value: dict[str, Any] = json.loads(message)
        return value


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A browser of its own, without sandbox, because tests run as root in containers; its files are in ``profile``."""
    program = process.find("chromium", package="chromium")
    ours_in, theirs_out = os.pipe()
    theirs_in, ours_out = os.pipe()
    # Chromium reads from descriptor 3 and writes to 4, whatever those are here.
    high = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (theirs_in, theirs_out)]
    script = f'exec 3<&{high[0]} 4>&{high[1]}; exec "$@"'
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
    flags += ["--no-first-run", "--disable-extensions", "--disable-background-networking", f"--user-data-dir={profile}"]
    child = subprocess.Popen(
        ["bash", "-c", script, "bash", program, *flags, "about:blank"],
        pass_fds=high,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for one in (theirs_in, theirs_out, *high):
        os.close(one)
    try:
        yield Page(ours_out, ours_in)
    finally:
        os.close(ours_out)
        os.close(ours_in)
        with_all_its_processes = os.getpgid(child.pid)
        os.killpg(with_all_its_processes, signal.SIGKILL)
        child.wait()

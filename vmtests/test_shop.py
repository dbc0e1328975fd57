"""The shop of the examples in a browser: its page is drawn from what the database in the machine holds.

The machine has no network, and the browser is on this side of it. So each request of the browser is asked in the
container, through the machine's channel, and answered with what the shop's nginx says.
"""

from __future__ import annotations

import base64
import json
import shlex
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from built_systems import build_system, load, running
from conftest import ROOT
from sysimage_vm.container import Container
from sysimage_vm.engine import Engine
from sysimage_vm.shell import Shell
from sysimage_vm.waiting import NotYet, Patience
from tests.support.chromium import browser

SERVING = Patience(quiet=180, work=3600)
"""An emulated processor takes minutes to make the database."""
ASK = """
import base64, http.client, json, sys
connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=600)
connection.request("GET", sys.argv[1])
answer = connection.getresponse()
body = base64.b64encode(answer.read()).decode()
print(json.dumps({"status": answer.status, "type": answer.getheader("Content-Type"), "body": body}))
"""
ROWS = (
    "Array.from(document.querySelectorAll('#articles tr'), row => [...row.cells].map(cell => cell.innerText).join('|'))"
)
STORED = "select name || '|' || to_char(price, 'FM990.00') || ' €' from article order by name"


def served(shell: Shell, path: str) -> Mapping[str, Any] | NotYet:
    """What the shop answers, once it does."""
    asked = shell.run(shlex.join(["python3", "-c", ASK, path]), patience=SERVING)
    return json.loads(asked.stdout) if asked.status == 0 else NotYet(asked.output[-2000:])


def listed(container: Container) -> bool | NotYet:
    """Whether the shop lists its articles: nginx, the application and the database do their part."""
    container.require_running()
    answer = served(container.shell, "/api/articles")
    if not isinstance(answer, NotYet) and answer["status"] == 200:
        return True
    return NotYet(f"{answer}\n{container.logs()[-3000:]}")


@contextmanager
def address_of(shell: Shell) -> Iterator[str]:
    """An address on this machine under which a browser gets what the container serves at its port 80."""
    one_at_a_time = threading.Lock()

    class Relay(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with one_at_a_time:
                answer = served(shell, self.path)
            assert not isinstance(answer, NotYet), answer
            self.send_response(answer["status"])
            self.send_header("Content-Type", answer["type"])
            self.end_headers()
            self.wfile.write(base64.b64decode(answer["body"]))

        def log_message(self, *words: object) -> None:
            """The browser's requests are its own affair."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Relay) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def test_a_browser_shows_the_articles_of_the_database(shared_engine: Engine, tmp_path: Path, logs: Path) -> None:
    archive = build_system(ROOT / "examples" / "shop.jsonc", tmp_path / "shop.tar", "--compression", "none")
    image = load(shared_engine, archive)
    archive.unlink()
    with running(shared_engine, image, name="shop") as container:
        shared_engine.machine.ask("the shop to answer", lambda: listed(container), SERVING)
        psql = f"psql -d shop -qAtc {shlex.quote(STORED)}"
        asked = container.shell.run(f"su postgres -s /bin/sh -c {shlex.quote(psql)}", patience=SERVING)
        articles = asked.text.splitlines()
        with address_of(container.shell) as address, browser(tmp_path / "profile") as page:
            page.open(address, width=800, height=500, ready=f"{ROWS}.length > 0")
            page.screenshot(logs / "shop.png")
            shown = page.ask(ROWS)
    assert articles
    assert shown == articles

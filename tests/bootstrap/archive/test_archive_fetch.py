"""Fetching over a network that does its worst."""

from __future__ import annotations

import base64
import gzip
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from subprocess import PIPE

import pytest

from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError, RegistryError
from sysimage.process import spawn
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.archive.fetch import FetchRequest, fetch_all
from sysimage_bootstrap.archive.transport import Transport, TransportOptions
from tests.bootstrap.archive.fake_archive import Fault, Server

DATA = bytes(range(256)) * 4096
OPTIONS = TransportOptions(attempts=3, backoff=0.01, timeout=2)


def silent_until(over: threading.Event) -> Fault:
    """Sends 1000 bytes, and nothing more until ``over`` is set."""

    def answer(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[:1000])
        over.wait(30)
        return True

    return answer


@pytest.fixture
def wanted(server: Server) -> FetchRequest:
    server.files["/file"] = DATA
    return FetchRequest("the file", Digest.of(DATA), len(DATA), (f"{server.uri}/file",))


@pytest.fixture
def cache(tmp_path: Path) -> FileCache:
    return FileCache(tmp_path / "cache")


def fetch(wanted: FetchRequest, cache: FileCache, options: TransportOptions = OPTIONS) -> bytes:
    return fetch_all([wanted], cache, Transport(options))[wanted.digest].read_bytes()


def part(wanted: FetchRequest, cache: FileCache) -> Path:
    return cache.path(wanted.digest).with_suffix(".part")


def times(count: int, fault: Fault) -> Fault:
    """The fault for the first ``count`` requests, and nothing after."""
    left = [count]

    def answer(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        left[0] -= 1
        return left[0] >= 0 and fault(handler, data)

    return answer


def status(code: int) -> Fault:
    def answer(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.reply(code, b"no\n")  # type: ignore[attr-defined]
        return True

    return answer


def hang_up_half_way(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[: len(data) // 2])
    handler.close_connection = True
    return True


def test_a_broken_transfer_goes_on_where_it_stopped(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    server.faults["/file"] = times(1, hang_up_half_way)
    assert fetch(wanted, cache) == DATA
    assert [headers.get("Range") for _, headers in server.requests] == [None, f"bytes={len(DATA) // 2}-"]


def test_an_archive_that_signed_another_version_is_asked_once_and_that_is_reported(
    server: Server, wanted: FetchRequest, cache: FileCache
) -> None:
    server.files["/file"] = DATA[:-1]
    with pytest.raises(RegistryError, match=f"another version of it, of {len(DATA) - 1} bytes") as caught:
        fetch(wanted, cache)
    assert "out of date" in str(caught.value.hint)
    assert server.paths() == ["/file"]


def test_what_an_earlier_build_left_is_continued(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    part(wanted, cache).parent.mkdir(parents=True)
    part(wanted, cache).write_bytes(DATA[:1000])
    assert fetch(wanted, cache) == DATA
    assert server.requests[0][1]["Range"] == "bytes=1000-"
    assert not part(wanted, cache).exists()


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * len(DATA), b"x" * (len(DATA) + 5)], ids=["short", "same", "long"])
def test_a_wrong_beginning_is_thrown_away(left: bytes, wanted: FetchRequest, cache: FileCache) -> None:
    part(wanted, cache).parent.mkdir(parents=True)
    part(wanted, cache).write_bytes(left)
    assert fetch(wanted, cache) == DATA


def test_a_complete_partial_file_needs_no_request(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    part(wanted, cache).parent.mkdir(parents=True)
    part(wanted, cache).write_bytes(DATA)
    assert fetch(wanted, cache) == DATA
    assert server.requests == []


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    server: Server, wanted: FetchRequest, cache: FileCache
) -> None:
    def whole(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.reply(200, data)  # type: ignore[attr-defined]
        return True

    part(wanted, cache).parent.mkdir(parents=True)
    part(wanted, cache).write_bytes(DATA[:1000])
    server.faults["/file"] = whole
    assert fetch(wanted, cache) == DATA


def test_a_server_that_answers_another_range_is_not_believed(
    server: Server, wanted: FetchRequest, cache: FileCache
) -> None:
    def shifted(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        span = {"Content-Range": f"bytes 0-{len(data) - 1}/{len(data)}"}
        handler.reply(206, data, **span)  # type: ignore[attr-defined]
        return True

    part(wanted, cache).parent.mkdir(parents=True)
    part(wanted, cache).write_bytes(DATA[:1000])
    server.faults["/file"] = shifted
    assert fetch(wanted, cache) == DATA


@pytest.mark.parametrize("code", [500, 503, 429])
def test_a_passing_refusal_is_tried_again(code: int, server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    server.faults["/file"] = times(2, status(code))
    assert fetch(wanted, cache) == DATA


def test_the_number_of_attempts_is_bounded(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    server.faults["/file"] = status(503)
    with pytest.raises(RegistryError, match="answers 503"):
        fetch(wanted, cache)
    assert len(server.requests) == OPTIONS.attempts


def test_a_file_that_is_gone_is_not_asked_for_again(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    del server.files["/file"]
    with pytest.raises(RegistryError, match="answers 404"):
        fetch(wanted, cache)
    assert len(server.requests) == 1


def test_an_error_page_with_status_200_is_refused(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    server.files["/file"] = b"<html>please log in</html>".ljust(len(DATA))
    with pytest.raises(IntegrityError, match="its digest is"):
        fetch(wanted, cache)
    assert not cache.path(wanted.digest).exists()


def test_a_server_that_falls_silent_is_given_up(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    waiting = threading.Event()

    def silence(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        waiting.wait(5)
        return True

    server.faults["/file"] = silence
    with pytest.raises(RegistryError, match="cannot fetch"):
        fetch(wanted, cache, TransportOptions(attempts=1, timeout=0.2))
    waiting.set()


def test_a_server_that_trickles_is_given_up(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    def trickle(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        pause = threading.Event()
        for byte in data[:100]:
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()
            pause.wait(0.05)
        return True

    server.faults["/file"] = trickle
    with pytest.raises(RegistryError, match="too slow"):
        fetch(wanted, cache, TransportOptions(attempts=1, timeout=1.5))


def test_redirects_are_followed_without_the_password(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    server.files["/elsewhere"] = DATA
    seen: dict[str, str | None] = {}

    def redirect(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        seen["first"] = handler.headers.get("Authorization")
        target = server.uri.replace("127.0.0.1", "localhost") + "/elsewhere"
        handler.reply(302, b"", Location=target)  # type: ignore[attr-defined]
        return True

    server.faults["/file"] = redirect
    with_password = wanted.uris[0].replace("://", "://user:sesame@")
    assert fetch(FetchRequest("the file", wanted.digest, wanted.size, (with_password,)), cache) == DATA
    assert seen["first"] == "Basic " + base64.b64encode(b"user:sesame").decode()
    path, headers = server.requests[-1]
    assert path == "/elsewhere"
    assert "authorization" not in {name.lower() for name in headers}


def test_a_redirect_within_a_host_keeps_the_password(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    server.files["/elsewhere"] = DATA

    def redirect(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.reply(302, b"", Location="/elsewhere")  # type: ignore[attr-defined]
        return True

    server.faults["/file"] = redirect
    with_password = wanted.uris[0].replace("://", "://user:sesame@")
    assert fetch(FetchRequest("the file", wanted.digest, wanted.size, (with_password,)), cache) == DATA
    assert "authorization" in {name.lower() for name in server.requests[-1][1]}


def test_a_compressed_file_is_kept_as_it_was_sent(server: Server, cache: FileCache) -> None:
    def mislabelled(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        handler.reply(200, data, **{"Content-Encoding": "gzip"})  # type: ignore[attr-defined]
        return True

    data = gzip.compress(DATA)
    server.files["/file.gz"] = data
    server.faults["/file.gz"] = mislabelled
    assert fetch(FetchRequest("the file", Digest.of(data), len(data), (f"{server.uri}/file.gz",)), cache) == data


def test_another_address_is_asked_where_the_first_has_nothing(
    server: Server, wanted: FetchRequest, cache: FileCache
) -> None:
    both = FetchRequest("the file", wanted.digest, wanted.size, (f"{server.uri}/nothing", *wanted.uris))
    assert fetch(both, cache) == DATA


def test_a_thread_that_waited_for_a_file_never_writes_into_the_finished_one(
    wanted: FetchRequest, cache: FileCache
) -> None:
    waiting = threading.Event()

    def wait() -> int:
        waiting.set()
        with cache.partial(wanted.digest, threading.Event()) as other:
            return os.fstat(other.fileno()).st_ino

    with ThreadPoolExecutor(1) as pool:
        with cache.partial(wanted.digest, threading.Event()) as mine:
            waiter = pool.submit(wait)
            assert waiting.wait(5)
            threading.Event().wait(0.1)
            mine.write(DATA)
            finished = cache.keep(wanted.digest, mine)
        assert waiter.result(5) != finished.stat().st_ino
    assert cache.find(wanted.digest, wanted.size) == finished


def test_redirects_without_end_and_to_odd_places_are_refused(
    server: Server, wanted: FetchRequest, cache: FileCache
) -> None:
    for target, cause in (("/file", "more than 5 redirects"), ("file:///etc/passwd", "redirects to")):

        def redirect(handler: BaseHTTPRequestHandler, data: bytes, target: str = target) -> bool:
            handler.reply(302, b"", Location=target)  # type: ignore[attr-defined]
            return True

        server.faults["/file"] = redirect
        with pytest.raises(RegistryError, match=cause):
            fetch(wanted, cache)


def test_no_message_holds_a_password(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    secret = wanted.uris[0].replace("://", "://user:sesame@")
    dead = "http://user:sesame@127.0.0.1:1/file"
    for uri, fault in ((secret, status(404)), (secret, status(503)), (secret, hang_up_half_way), (dead, None)):
        if fault:
            server.faults["/file"] = fault
        with pytest.raises(RegistryError) as caught:
            fetch(FetchRequest("the file", wanted.digest, wanted.size, (uri,)), cache)
        assert "sesame" not in f"{caught.value} {caught.value.hint}"


def test_a_proxy_is_asked_instead_of_the_host(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    server.files["http://packages.invalid/file"] = DATA
    through = FetchRequest("the file", wanted.digest, wanted.size, ("http://packages.invalid/file",))
    assert fetch(through, cache, TransportOptions(proxies={"http": server.uri}, attempts=1)) == DATA
    dead = TransportOptions(proxies={"http": "http://me:sesame@127.0.0.1:1"}, attempts=1)
    other = FetchRequest("another", Digest.of(b"x"), 1, ("http://packages.invalid/another",))
    with pytest.raises(RegistryError, match=r"Connection refused \(through the proxy http://127\.0\.0\.1:1\)"):
        fetch(other, cache, dead)


def test_hosts_that_need_no_proxy_are_reached_directly(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    dead = TransportOptions(proxies={"http": "http://127.0.0.1:1"}, no_proxy=("127.0.0.1",), attempts=1)
    assert fetch(wanted, cache, dead) == DATA
    assert fetch_all([wanted], cache, Transport(TransportOptions(proxies={"http://127.0.0.1": "DIRECT"})))


def test_an_archive_in_a_directory_is_read(wanted: FetchRequest, cache: FileCache, tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(DATA)
    local = FetchRequest("the file", wanted.digest, wanted.size, (f"file://{tmp_path}/a%20file",))
    assert fetch(local, cache) == DATA
    with pytest.raises(RegistryError, match="No such file"):
        fetch(FetchRequest("none", Digest.of(b""), 1, (f"file://{tmp_path}/none",)), cache)


def test_builds_at_the_same_time_fetch_a_file_once(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    def slowly(handler: BaseHTTPRequestHandler, data: bytes) -> bool:
        threading.Event().wait(0.2)
        return False

    server.faults["/file"] = slowly
    with ThreadPoolExecutor(4) as pool:
        results = [pool.submit(fetch, wanted, FileCache(cache.root)) for _ in range(4)]
        assert [result.result() for result in results] == [DATA] * 4
    assert len(server.requests) == 1


def test_all_files_that_fail_are_named_together(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    others = [FetchRequest(f"file {n}", Digest.of(bytes([n])), 1, (f"{server.uri}/{n}",)) for n in (1, 2)]
    with pytest.raises(RegistryError, match="cannot fetch 2 files") as caught:
        fetch_all([wanted, *others], cache, Transport(OPTIONS))
    assert len(caught.value.issues) == 2
    assert cache.find(wanted.digest, wanted.size)


def test_progress_counts_every_byte_once_whatever_happens(
    server: Server, wanted: FetchRequest, cache: FileCache
) -> None:
    server.faults["/file"] = times(1, hang_up_half_way)
    told: list[tuple[str, int, int | None, str]] = []

    def progress(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        told.append((stage, done, total, unit))

    fetch_all([wanted], cache, Transport(OPTIONS), progress)
    assert told[0] == ("fetch packages", 0, len(DATA), "bytes")
    assert told[-1] == ("fetch packages", len(DATA), len(DATA), "bytes")
    assert max(done for _, done, _, _ in told) == len(DATA)


def test_an_interrupt_ends_every_transfer_at_once(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    begun, over = threading.Event(), threading.Event()

    def interrupt(stage: str, done: int, total: int | None, *, unit: str = "items", at: str = "") -> None:
        if done:
            begun.set()

    server.faults["/file"] = silent_until(over)
    transport = Transport(TransportOptions(attempts=4, timeout=20))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(fetch_all, [wanted], cache, transport, interrupt)
        assert begun.wait(5)
        transport.abort()
        server.faults.clear()
        assert running.result(5)[wanted.digest].read_bytes() == DATA
    over.set()


def test_a_cache_that_cannot_be_written_is_named(wanted: FetchRequest, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MachineError, match="cannot make the directory"):
        fetch(wanted, FileCache(tmp_path / "file" / "cache"))


def test_ctrl_c_ends_a_build_that_waits_for_the_network(server: Server, wanted: FetchRequest, cache: FileCache) -> None:
    over = threading.Event()
    server.faults["/file"] = silent_until(over)
    # A job in the background of a shell may have been started with interrupts ignored.
    script = f"""
import signal
from pathlib import Path
from sysimage.digest import Digest
from sysimage.signals import listening
from sysimage_bootstrap.archive.cache import FileCache
from sysimage_bootstrap.archive.fetch import FetchRequest, fetch_all
from sysimage_bootstrap.archive.transport import Transport, TransportOptions
wanted = FetchRequest("the file", Digest({wanted.digest.hex!r}), {wanted.size}, ({wanted.uris[0]!r},))
def told(stage, done, total, *, unit="items", at=""):
    if done:
        print("begun", flush=True)
signal.signal(signal.SIGINT, signal.default_int_handler)
with listening():
    fetch_all([wanted], FileCache(Path({str(cache.root)!r})), Transport(TransportOptions(timeout=30)), told)
"""
    child = spawn([sys.executable, "-c", script], stdout=PIPE, stderr=PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begun\n"
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=60)
    finally:
        child.kill()
        over.set()
    assert b"EndedBySignal" in stderr
    assert part(wanted, cache).read_bytes() == DATA[:1000]
    assert not cache.path(wanted.digest).exists()

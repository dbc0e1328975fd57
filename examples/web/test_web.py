"""What the web example promises, asked by `sysimage test build/web.tar --expect examples/web/test_web.py`."""

import time

import pytest

FETCH = "import sys, urllib.request as r; sys.stdout.write(r.urlopen(sys.argv[1], timeout=600).read().decode())"


def test_the_page_is_served(host):
    assert "It boots" in host.check_output("python3 -c %s http://127.0.0.1/", FETCH)


def test_the_machine_around_it_reaches_the_page(trial, guest):
    address = trial.booted().address()
    if address is None:
        pytest.skip("in namespaces, its network is its own")
    assert "It boots" in guest.check_output("python3 -c %s http://%s/", FETCH, address)


def test_visits_are_counted(host):
    first, second = (host.check_output("python3 -c %s http://127.0.0.1/visits", FETCH) for _ in range(2))
    assert first != second


def test_every_service_runs_as_its_user(host):
    assert {process.user for process in host.process.filter(comm="nginx")} == {"root", "www-data"}
    (application,) = host.process.filter(comm="python3", user="visits")
    assert "--port 8000" in application.args


def test_its_ports_are_open(host):
    ports = {int(line.split()[1].partition(":")[2], 16) for line in listening(host)}
    assert {80, 8000} <= ports


def listening(host):
    lines = host.file("/proc/net/tcp").content_string.splitlines()[1:]
    lines += host.file("/proc/net/tcp6").content_string.splitlines()[1:]
    return [line for line in lines if line.split()[3] == "0A"]


def test_starts_are_counted_in_the_volume(host):
    starts = host.file("/var/lib/visits/starts")
    assert starts.user == "visits"
    assert int(starts.content_string) >= 1


def test_the_log_names_the_services(trial):
    deadline = time.monotonic() + 600
    while "nginx" not in trial.booted().logs():
        assert time.monotonic() < deadline
        time.sleep(2)

"""What a call may use of the machine: settings, and what becomes of them."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sysimage import api
from sysimage.api.settings import CACHE_SIZE
from sysimage.destinations.registry import Registries
from sysimage.pipeline.options import LayerStorage
from sysimage_bootstrap.archive import KEYRING

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PLAIN = api.Settings(cache_dir=Path("/cache"), environ={"HOME": "/home/ann"}, now=NOW)


def test_defaults_trust_what_this_machine_trusts() -> None:
    settings = api.Settings()
    assert CACHE_SIZE == settings.cache_size == 20_000_000_000
    assert (settings.keep_layers, settings.offline, settings.allow_expired, settings.allow_rollback) == (
        True,
        False,
        False,
        False,
    )
    assert settings.variables is os.environ
    assert settings.processors == len(os.sched_getaffinity(0))
    assert settings.apt_root == Path("/etc/apt")
    choice = settings.archive_choice()
    assert choice.keyring == KEYRING
    assert abs(choice.options.now - datetime.now(UTC)) < timedelta(minutes=5)
    assert choice.options.now.tzinfo is not None


def test_numbers_of_processors_are_one_or_more_and_times_have_a_zone() -> None:
    assert api.Settings(jobs=1).processors == 1
    assert api.Settings(jobs=3).processors == 3
    for wrong in (0, -1):
        with pytest.raises(api.SpecError) as caught:
            api.Settings(jobs=wrong)
        assert caught.value.message == f"cannot use {wrong} processors: the number must be 1 or more"
    with pytest.raises(api.SpecError) as caught:
        api.Settings(now=NOW.replace(tzinfo=None))
    assert caught.value.message == "cannot use the time of Settings.now: it has no time zone"
    assert caught.value.hint == "say tzinfo=UTC"


@pytest.mark.parametrize(
    ("said", "environ", "expected"),
    [
        ("/said", {"XDG_CACHE_HOME": "/xdg", "HOME": "/home/ann"}, "/said"),
        (None, {"XDG_CACHE_HOME": "/xdg", "HOME": "/home/ann"}, "/xdg/sysimage"),
        (None, {"HOME": "/home/ann"}, "/home/ann/.cache/sysimage"),
    ],
)
def test_the_cache_is_the_directory_that_is_specified_or_follows_from_the_variables(
    said: Any, environ: dict[str, str], expected: str
) -> None:
    assert api.Settings(cache_dir=said, environ=environ).cache == Path(expected)


def test_the_archive_is_reached_and_trusted_as_the_settings_say() -> None:
    choice = PLAIN.archive_choice()
    assert (choice.options.now, choice.options.allow_expired, choice.options.allow_rollback) == (NOW, False, False)
    assert (choice.uri, choice.security_uri, choice.keyring, choice.apt_root) == (
        None,
        None,
        KEYRING,
        Path("/etc/apt"),
    )
    assert not choice.options.transport.offline
    assert choice.reach is not None
    other = replace(
        PLAIN,
        archive="http://archive",
        security_archive="http://security",
        keyring=Path("keys.gpg"),
        apt_root=Path("/apt"),
        allow_expired=True,
        offline=True,
    ).archive_choice()
    assert (other.uri, other.security_uri, other.keyring, other.apt_root) == (
        "http://archive",
        "http://security",
        Path("keys.gpg"),
        Path("/apt"),
    )
    assert (other.options.allow_expired, other.options.allow_rollback) == (True, False)
    assert other.options.transport.offline
    assert other.reach is None, "no proxy is looked for where nothing is fetched"
    assert replace(PLAIN, allow_rollback=True).archive_choice().options.allow_rollback


def test_sources_of_a_system_say_what_a_lock_file_may_be() -> None:
    sources = replace(PLAIN, jobs=3).sources()
    assert (sources.cache_dir, sources.locked, sources.stale, sources.keeps_ids, sources.workers) == (
        Path("/cache"),
        False,
        "refuse",
        False,
        3,
    )
    assert sources.environment == {"HOME": "/home/ann"}
    assert sources.registries is not None
    assert sources.registries() == PLAIN.registries()
    strict = replace(PLAIN, offline=True).sources(locked=True, update=True, keeps_ids=True)
    assert (strict.locked, strict.stale, strict.keeps_ids, strict.registries) == (True, "update", True, None)


def test_layers_are_kept_in_the_cache_if_they_are_kept() -> None:
    assert PLAIN.layer_storage() == LayerStorage(Path("/cache/layers"), most_bytes=CACHE_SIZE)
    other = replace(PLAIN, keep_layers=False, cache_size=None)
    assert other.layer_storage() == LayerStorage(None, most_bytes=None)


def test_registries_are_reached_with_the_credentials_that_logins_leave() -> None:
    auth = (Path("/home/ann/.config/containers/auth.json"), Path("/home/ann/.docker/config.json"))
    assert PLAIN.registries() == Registries(auth, (), None, {"HOME": "/home/ann"})
    other = replace(PLAIN, environ={}, plain_http=("host:5000",), registry_ca=Path("ca.pem"))
    root = (Path("/.config/containers/auth.json"), Path("/.docker/config.json"))
    assert other.registries() == Registries(root, ("host:5000",), Path("ca.pem"), {})


def test_what_needs_the_network_is_refused_where_it_is_off() -> None:
    PLAIN.require_network("host/web:1")
    off = replace(PLAIN, offline=True)
    with pytest.raises(api.RegistryError) as caught:
        off.require_network("host/web:1")
    assert caught.value.message == "cannot ask for host/web:1: the network is off"
    assert caught.value.hint == "leave --offline out"
    for call in (
        lambda: api.tags("host.test/web", settings=off),
        lambda: api.push("a.tar", ["host.test/web:1"], settings=off),
        lambda: api.copy("host.test/web:1", "a.tar", settings=off),
        lambda: api.inspect("host.test/web:1", settings=off),
        lambda: api.verify("host.test/web:1", settings=off),
    ):
        with pytest.raises(api.RegistryError, match="the network is off"):
            call()

"""Faults of a spec that no single field shows: what its parts say about each other.

`check` takes a spec whose fields are each sound. Nothing here depends on packages: an account that only a package makes
must be declared too, so that its IDs are the spec's and a mistyped name is found before anything is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from sysimage.errors import Issue
from sysimage.spec.check_accounts import check_accounts
from sysimage.spec.check_archives import check_archives
from sysimage.spec.check_init import check_init
from sysimage.spec.check_java import check_java
from sysimage.spec.check_lengths import check_lengths
from sysimage.spec.check_locale import check_locale
from sysimage.spec.check_node import check_node
from sysimage.spec.check_origin import check_origin
from sysimage.spec.check_paths import check_paths
from sysimage.spec.check_python import check_python
from sysimage.spec.check_secrets import check_secrets
from sysimage.spec.check_sources import check_source, no_file
from sysimage.spec.check_time_zone import check_time_zone
from sysimage.spec.check_trees import check_trees
from sysimage.spec.json_text import pointer
from sysimage.spec.model import CommandReady, Service, SystemSpec, TcpReady
from sysimage.spec.package_word import package_name
from sysimage.spec.validation_errors import closest

_INIT_NAMES = {"root", "shepherd"}
"""What GNU Shepherd calls itself among the services."""


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that the file declares, those of faulty parts included, so that one fault does not cause others."""

    services: frozenset[str]
    users: frozenset[str]
    groups: frozenset[str]
    commanded: frozenset[str]
    """The services that say a command, sound or not."""


def check(spec: SystemSpec, names: Names, beside: Path | None) -> Iterator[Issue]:
    """Every fault, without lines. ``beside`` is the directory that sources are relative to; None leaves them alone."""
    yield from _check_start(spec)
    yield from check_init(spec)
    yield from check_origin(spec)
    yield from check_locale(spec)
    yield from check_time_zone(spec)
    yield from _check_services(spec, names.services | spec.enabled_services, names.commanded | spec.enabled_services)
    yield from _check_units(spec)
    yield from check_accounts(spec, names.users, names.groups)
    yield from check_paths(spec, beside)
    yield from check_trees(spec, beside)
    yield from check_python(spec, beside)
    yield from check_node(spec, beside)
    yield from check_java(spec, beside)
    yield from check_secrets(spec, beside)
    yield from check_lengths(spec)
    yield from _check_lists(spec, beside)
    yield from check_archives(spec, beside)
    yield from _check_contents(spec)


def _check_start(spec: SystemSpec) -> Iterator[Issue]:
    """An image boots the init, or runs a program of the user."""
    if spec.has_init:
        if spec.user is not None and spec.user.split(":")[0] not in ("root", "0"):
            yield Issue(
                "/user", 'the init starts services as others and must itself be root; say "user" in the services'
            )
    elif (spec.services or spec.enable) and spec.from_store is None:
        key = "entry-point" if spec.entry_point else "command"
        said = "services" if spec.services else "enable"
        yield Issue(f"/{key}", f'replaces the init, so nothing would start what is under "{said}"')
    for key, words in (("entry-point", spec.entry_point), ("command", spec.command)):
        if words and not words[0] and (key == "entry-point" or not spec.entry_point):
            yield Issue(f"/{key}/0", "the program has no name")
    if spec.health_check is not None and not spec.health_check.command[0]:
        yield Issue("/health-check/command/0", "the program has no name")


def _check_services(spec: SystemSpec, known: frozenset[str], commanded: frozenset[str]) -> Iterator[Issue]:
    for name, service in spec.services.items():
        here = pointer("services", name)
        if name in _INIT_NAMES and not spec.has_systemd:
            yield Issue(here, "is a name of the init itself")
        # Which units systemd finds is known when the packages are.
        if not service.command and name not in commanded and not spec.has_systemd:
            yield Issue(here, 'needs the key "command"')
        if service.command and not service.command[0]:
            yield Issue(f"{here}/command/0", "the program has no name")
        yield from _check_ready(f"{here}/ready", service.ready)
        for index, required in enumerate(service.requires):
            if required not in known and not spec.has_systemd:
                yield Issue(
                    f"{here}/requires/{index}",
                    f'no service is called "{required}"',
                    suggestion=closest(required, known),
                )
        yield from _check_kind(here, service)
    yield from _check_cycles(spec.services)


def _check_units(spec: SystemSpec) -> Iterator[Issue]:
    for index, name in enumerate(spec.enable):
        if name.removesuffix(".service") in _INIT_NAMES and not spec.has_systemd:
            yield Issue(pointer("enable", index), "is a name of the init itself")
    if spec.units and not spec.enable and not spec.has_systemd:
        yield Issue("/units", 'changes units, and none is under "enable"')


def _check_ready(here: str, ready: object) -> Iterator[Issue]:
    match ready:
        case CommandReady(command=("", *_)):
            yield Issue(f"{here}/command/0", "the program has no name")
        case TcpReady(address=address):
            try:
                ip_address(address)
            except ValueError:
                yield Issue(f"{here}/address", f"is not an IP address: {address}")


def _check_kind(here: str, service: Service) -> Iterator[Issue]:
    """A service runs all the time, or once at start, or at certain times."""
    if service.timer is not None and service.one_shot:
        yield Issue(f"{here}/one-shot", 'contradicts "timer": a service runs once at start or at certain times')
    kind = "timer" if service.timer is not None else "one-shot" if service.one_shot else None
    if kind and service.respawn and "respawn" in service.model_fields_set:
        yield Issue(f"{here}/respawn", f'contradicts "{kind}": such a service is meant to end by itself')
    if kind and service.ready is not None:
        yield Issue(f"{here}/ready", f'contradicts "{kind}": only a service that goes on running becomes ready')


def _check_cycles(services: Mapping[str, Service]) -> Iterator[Issue]:
    """One issue for each group of services that wait for one another, at its first name."""
    reach = {name: _requirements(name, services) for name in services}
    told: set[str] = set()
    for name in sorted(services):
        if name in reach[name] and name not in told:
            circle = sorted(other for other in reach[name] if name in reach.get(other, ()))
            told.update(circle)
            yield Issue(
                pointer("services", name, "requires"),
                "requires itself" if circle == [name] else f"these services wait for one another: {', '.join(circle)}",
            )


def _requirements(name: str, services: Mapping[str, Service]) -> set[str]:
    """Every service that comes before ``name``, near and far."""
    found: set[str] = set()
    to_do = [name]
    while to_do:
        service = services.get(to_do.pop())
        for required in service.requires if service else ():
            if required not in found:
                found.add(required)
                to_do.append(required)
    return found


def _check_lists(spec: SystemSpec, beside: Path | None) -> Iterator[Issue]:
    """Lists in which a word may occur once."""
    packages = [word if "/" in word else package_name(word) for word in spec.packages]
    for key, words in (
        ("packages", packages),
        ("exclude", list(spec.exclude)),
        ("translations", list(spec.translations)),
        ("tags", list(spec.tags)),
        ("enable", [name.removesuffix(".service") for name in spec.enable]),
    ):
        seen: set[str] = set()
        for index, word in enumerate(words):
            if word in seen:
                yield Issue(f"/{key}/{index}", f'"{word}" is listed twice')
            seen.add(word)
    for index, word in enumerate(packages):
        if "/" in word:
            where = f"/packages/{index}"
            yield from check_source(where, word, beside, "package", no_file)
        if word in spec.exclude:
            yield Issue(f"/packages/{index}", f'"{word}" is listed under "exclude" too')
    for index, word in enumerate(spec.exclude):
        if "=" in word:
            yield Issue(f"/exclude/{index}", "a package is excluded in every version; leave the version out")


def _check_contents(spec: SystemSpec) -> Iterator[Issue]:
    """What is left out, and what the init needs."""
    if not spec.essential and spec.has_init:
        yield Issue("/essential", 'the init needs the Essential packages; say "entry-point" or "command" for a program')
    if spec.translations and not spec.slim:
        yield Issue("/translations", 'has no effect with "slim": false, which keeps all translations')

"""The conductor: packages in, a system out. Every part of it is made by a module of its own beside this one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.progress import Progress, silent
from sysimage.rootfs.accounts import Accounts, WantedGroup, WantedUser, parse_accounts, settle
from sysimage.rootfs.declared import declared_entries
from sysimage.rootfs.provision import layered
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.items import ItemStore, Recipe
from sysimage_bootstrap.items.inventory import PackageFacts
from sysimage_bootstrap.system import boot, etc, locales
from sysimage_bootstrap.system.alternatives import CANDIDATES, alternative_links
from sysimage_bootstrap.system.document import system_document
from sysimage_bootstrap.system.environment import image_environment
from sysimage_bootstrap.system.installed import Installed, provider
from sysimage_bootstrap.system.package_roots import mentioned_accounts, package_entries, tmpfiles_directories
from sysimage_bootstrap.system.packages import build_only
from sysimage_bootstrap.system.privileged import PrivilegedCopy, privileged_copies
from sysimage_bootstrap.system.profile import Source, link_union
from sysimage_bootstrap.system.services import shepherd_configuration
from sysimage_bootstrap.system.sysusers import parse_sysusers

FORMAT = 1
"""Part of every recipe here: raised when the code comes to make something else of the same inputs."""
STOP_SIGNAL = "SIGTERM"
"""What ends a system in order: the Shepherd stops every service and exits with status 0."""
LOCAL = "/var/usrlocal"
"""Where /usr/local leads, which is the administrator's to write to: the profile is not."""


@dataclass(frozen=True, slots=True)
class ImageDefaults:
    """What the image's config says unless system.json says otherwise."""

    entry_point: tuple[str, ...]
    command: tuple[str, ...]
    stop_signal: str | None
    """None leaves it to the container engine."""
    environment: Mapping[str, str]
    """In the order in which it is written."""


@dataclass(frozen=True, slots=True)
class SystemResult:
    """A system in the store, and what an image of it needs beside its closure."""

    system: StorePath
    boot_program: StorePath | None
    """None in a system with a plain command instead of an init."""
    items: tuple[StoreItem, ...]
    """The closure of the system, sorted by path; the boot program is in it."""
    accounts: Accounts
    entries: tuple[Entry, ...]
    """Of the root file system: what is neither store nor its registration nor the account files."""
    image_defaults: ImageDefaults


def build_system(
    spec: SystemSpec,
    spec_dir: Path,
    resolution: Iterable[str],
    items: Mapping[str, StoreItem],
    facts: Mapping[str, PackageFacts],
    store: ItemStore,
    progress: Progress = silent,
) -> SystemResult:
    """Make the system that ``spec`` declares of the packages in ``resolution``.

    ``items`` and ``facts`` are by package name; file sources of the spec are relative to ``spec_dir``. Whatever the
    spec asks for and the packages do not have is a `SpecError`.
    """
    everything = [Installed.of(name, items[name], facts[name]) for name in sorted(set(resolution))]
    left_out = set(build_only(spec))
    packages = [package for package in everything if package.name not in left_out]
    progress("system", 0, 4)
    accounts = system_accounts(spec, packages)
    privileged = privileged_copies(spec, packages, accounts)
    environment = image_environment(spec)
    profile, replaced = _profile(spec, packages, everything, privileged, store)
    progress("system", 1, 4)
    files, links = etc.generated_files(spec, packages, environment), etc.generated_links(spec, packages)
    etc_item = _etc(packages, files, links, store)
    progress("system", 2, 4)

    declared = declared_entries(spec, spec_dir, accounts)
    below = layered(_root_entries(spec, profile), package_entries(packages, accounts), _homes(accounts, etc_item))
    tools = boot.boot_tools(packages) if spec.has_init else None
    boot_program = None
    if tools is not None:
        script = boot.boot_program_text(tools)
        boot_program = store.realise(boot.boot_program_recipe(tools), lambda top: boot.write_executable(top, script))
    activated = layered(below, (entry for entry in declared))
    exists = _Programs(spec, packages, replaced)

    def contents(system: str) -> dict[str, tuple[str, int]]:
        """File → text and mode, of what depends on the system's own path."""
        if tools is None:
            return {}
        return {
            "boot": (boot.boot_text(system, tools, environment), 0o755),
            "activate": (boot.activation_text(system, activated, spec.host_name), 0o644),
            "shepherd.conf": (shepherd_configuration(spec, accounts, exists, tools.shell), 0o644),
        }

    document = system_document(spec, spec_dir)
    inputs = [profile.path, etc_item.path, *(copy_path for copy_path in _privileged_items(privileged))]
    inputs += [*tools.items, boot_program.path] if tools is not None and boot_program is not None else []
    recipe = Recipe(
        "system",
        "system",
        tuple(sorted(set(inputs))),
        {"format": FORMAT, "document": str(Digest.of(document)), "contents": _shown(contents("SYSTEM"))},
    )
    system_path = store.path_of(recipe)

    def build(top: Path) -> None:
        top.mkdir()
        (top / "profile").symlink_to(str(profile.path))
        (top / "etc").symlink_to(str(etc_item.path))
        (top / "system.json").write_bytes(document)
        for name, (text, mode) in contents(str(system_path)).items():
            (top / name).write_text(text, encoding="utf-8")
            (top / name).chmod(mode)
        (top / "gc-roots").mkdir()
        kept = [boot_program.path] if boot_program is not None else []
        for number, path in enumerate([*kept, *_privileged_items(privileged)]):
            (top / "gc-roots" / str(number)).symlink_to(str(path))

    system = store.realise(recipe, build)
    progress("system", 4, 4)
    location = etc_item.location or Path()
    etc_links = etc.etc_entries(str(system.path), location, packages, accounts, links)
    entries = layered(
        below,
        etc_links,
        (copy.entry() for copy in privileged),
        [Entry.symlink("/run/current-system", str(system.path))],
        declared,
    )
    return SystemResult(
        system=system.path,
        boot_program=boot_program.path if boot_program else None,
        items=store.closure([system.path]),
        accounts=accounts,
        entries=entries,
        image_defaults=_image_defaults(spec, system.path, boot_program, environment),
    )


def system_accounts(spec: SystemSpec, packages: Sequence[Installed]) -> Accounts:
    """Debian's base accounts, those of the packages' daemons, and those that the spec declares."""
    base_package = provider(packages, "share/base-passwd/passwd.master")
    if base_package is None:
        raise SpecError("cannot make the accounts: the system has no base-passwd", hint="do not exclude base-passwd")
    master = base_package.location / "share/base-passwd"
    base = parse_accounts((master / "passwd.master").read_text(), (master / "group.master").read_text())
    users, groups = parse_sysusers(
        (f"{package.path}/{relative}", file.read_text(encoding="utf-8"))
        for package in packages
        for relative, file in package.walk("lib/sysusers.d")
        if relative.endswith(".conf")
    )
    users = [user for user in users if base.user(user.name) is None]
    groups = [group for group in groups if base.group(group.name) is None]
    more_users, more_groups = mentioned_accounts(
        tmpfiles_directories(packages),
        {user.name for user in base.users} | {user.name for user in users} | set(spec.users),
        {group.name for group in base.groups}
        | {group.name for group in groups}
        | {user.name for user in users}
        | {*spec.groups, *spec.users},
    )
    declared_users = [
        WantedUser(
            name,
            user.uid,
            user.group,
            user.groups,
            user.comment or None,
            user.home,
            user.shell,
            user.password_hash if "password_hash" in user.model_fields_set else None,
            user.system,
            origin=f"/users/{name}",
        )
        for name, user in spec.users.items()
    ]
    declared_groups = [
        WantedGroup(name, group.gid, group.members, _is_system(spec, name), f"/groups/{name}")
        for name, group in spec.groups.items()
    ]
    return settle(base, [*users, *more_users, *declared_users], [*groups, *more_groups, *declared_groups])


def _is_system(spec: SystemSpec, group: str) -> bool:
    """Whether a declared group's ID is to be a daemon's: it is, unless a person's account has it as its own."""
    owners = [user for name, user in spec.users.items() if (user.group or name) == group]
    return all(user.system for user in owners)


def _profile(
    spec: SystemSpec,
    packages: Sequence[Installed],
    everything: Sequence[Installed],
    privileged: Sequence[PrivilegedCopy],
    store: ItemStore,
) -> tuple[StoreItem, Mapping[str, str]]:
    """The profile, and the links in it that lead elsewhere than into a package."""
    programs = {program for candidates in CANDIDATES.values() for _, program in candidates} | set(CANDIDATES)
    exists = {program: provider(packages, program) is not None for program in programs}
    names = [package.name for package in packages]
    replaced = {"local": LOCAL, **alternative_links(names, exists, spec.alternatives)}
    replaced |= {copy.relative: copy.target for copy in privileged}
    sources = [package.source() for package in packages]
    locale = _locale(spec, everything, store)
    if locale is not None and locale.location is not None:
        sources.append(Source(locale.path, locale.location))
    recipe = Recipe(
        "profile",
        "profile",
        tuple(sorted(source.path for source in sources)),
        {"format": FORMAT, "replaced": dict(sorted(replaced.items()))},
    )
    return store.realise(recipe, lambda top: link_union(sources, top, replaced=replaced)), replaced


def _locale(spec: SystemSpec, everything: Sequence[Installed], store: ItemStore) -> StoreItem | None:
    if locales.is_built_in(spec.locale) or locales.PACKAGE in spec.packages:
        return None
    package = next((package for package in everything if package.name == locales.PACKAGE), None)
    if package is None:
        raise SpecError(f"cannot set the locale {spec.locale}: the build has no {locales.PACKAGE}")
    source = locales.locale_source(spec.locale, package.location)
    parameters = {"format": FORMAT, "from": str(package.path), "directory": source.name}
    return store.realise(
        Recipe(f"locale-{source.name.replace('@', '-')}", "locale", (), parameters),
        lambda top: locales.build_locale(source, top),
    )


def _etc(
    packages: Sequence[Installed], files: Mapping[str, bytes], links: Mapping[str, str], store: ItemStore
) -> StoreItem:
    generated = {path: str(Digest.of(content)) for path, content in sorted(files.items())}
    recipe = Recipe(
        "etc",
        "etc",
        tuple(sorted(package.path for package in packages if package.has("etc"))),
        {"format": FORMAT, "files": generated, "links": dict(sorted(links.items()))},
    )
    return store.realise(recipe, lambda top: etc.build_etc(packages, files, links, top))


class _Programs:
    """Answers whether the image has a program, for the commands of services."""

    def __init__(self, spec: SystemSpec, packages: Sequence[Installed], replaced: Mapping[str, str]) -> None:
        self._own = {*spec.files, *spec.symlinks}
        self._outside = tuple(f"{path}/" for path in spec.volumes)
        self._packages = packages
        self._replaced = replaced

    def __call__(self, path: str) -> bool:
        if path in self._own or path.startswith(self._outside):
            return True  # what a volume holds is known only when the container runs
        for package in self._packages:
            if path.startswith(f"{package.path}/"):
                return package.has(path.removeprefix(f"{package.path}/"))
        relative = path.removeprefix("/usr/") if path.startswith("/usr/") else path.removeprefix("/")
        return relative in self._replaced or provider(self._packages, relative) is not None


def _root_entries(spec: SystemSpec, profile: StoreItem) -> Iterator[Entry]:
    """The merged /usr, and the places that only a system like Debian has."""
    # Without an init nobody makes /run/current-system where /run is empty: /usr then leads to the profile itself.
    yield Entry.symlink("/usr", "run/current-system/profile" if spec.has_init else str(profile.path))
    for name in sorted(os.listdir(profile.location or Path())):  # noqa: PTH208 - names
        if name in ("bin", "sbin") or (name.startswith("lib") and name in ("lib", "lib32", "lib64", "libx32")):
            yield Entry.symlink(f"/{name}", f"usr/{name}")
    yield Entry.symlink("/var/run", "/run")
    yield Entry.symlink("/var/lock", "/run/lock")
    yield Entry.directory("/run/lock", 0o1777)
    for name in ("", "/bin", "/etc", "/games", "/include", "/lib", "/sbin", "/share", "/src"):
        yield Entry.directory(f"{LOCAL}{name}")


def _homes(accounts: Accounts, etc_item: StoreItem) -> Iterator[Entry]:
    """The home directories that the image is to have, with what /etc/skel holds."""
    skeleton = (etc_item.location or Path()) / "skel"
    files = sorted(skeleton.iterdir()) if skeleton.is_dir() else []
    for name in accounts.homes:
        user = accounts.user(name)
        if user is None:
            continue
        yield Entry.directory(user.home, 0o700, user.uid, user.gid, f"/users/{name}")
        for file in files:
            if file.is_file():
                yield Entry.file(f"{user.home}/{file.name}", file.read_bytes(), 0o644, user.uid, user.gid)


def _privileged_items(privileged: Sequence[PrivilegedCopy]) -> list[StorePath]:
    """The items of the programs that are copied: the copies need their libraries."""
    return sorted({StorePath.parse(copy.source.removesuffix(f"/{copy.relative}")) for copy in privileged})


def _shown(contents: Mapping[str, tuple[str, int]]) -> dict[str, str]:
    return {name: str(Digest.of(json.dumps([text, mode]).encode())) for name, (text, mode) in sorted(contents.items())}


def _image_defaults(
    spec: SystemSpec, system: StorePath, boot_program: StoreItem | None, environment: Mapping[str, str]
) -> ImageDefaults:
    if boot_program is None:
        return ImageDefaults(spec.entry_point, spec.command, spec.stop_signal, environment)
    return ImageDefaults((str(boot_program.path), str(system)), (), spec.stop_signal or STOP_SIGNAL, environment)

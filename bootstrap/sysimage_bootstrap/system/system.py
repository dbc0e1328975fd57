"""The conductor: packages in, a system out. Every part of it is made by a module of its own beside this one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.progress import Progress, silent
from sysimage.rootfs.declared import check_kinds, declared_entries
from sysimage.rootfs.provision import layered
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debian.alternatives import Alternatives
from sysimage_bootstrap.debs.inventory import PackageFacts
from sysimage_bootstrap.packages.default_packages import LOCALES_PACKAGE, build_only, is_built_in_locale
from sysimage_bootstrap.store import ItemStore, Recipe
from sysimage_bootstrap.system import boot, etc, locales
from sysimage_bootstrap.system.alternatives import alternative_links
from sysimage_bootstrap.system.document import system_document
from sysimage_bootstrap.system.environment import image_environment
from sysimage_bootstrap.system.installed import Installed, provider
from sysimage_bootstrap.system.package_roots import package_entries
from sysimage_bootstrap.system.privileged import PrivilegedCopy, privileged_copies
from sysimage_bootstrap.system.profile import Source, link_union
from sysimage_bootstrap.system.python_sites import site_links
from sysimage_bootstrap.system.root import LOCAL, home_entries, usr_entries
from sysimage_bootstrap.system.services import shepherd_configuration
from sysimage_bootstrap.system.system_accounts import system_accounts

FORMAT = 3
"""Part of every recipe here: raised when the code comes to make something else of the same inputs."""
STOP_SIGNAL = "SIGTERM"
"""What ends a system in order: the Shepherd stops every service and exits with status 0."""


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
    etc_location = store.location(etc_item.path)
    packaged = layered(
        usr_entries(profile.path, store.location(profile.path), has_init=spec.has_init),
        package_entries(packages, accounts),
    )
    homes = tuple(home_entries(accounts, packages))
    below = layered(packaged, homes)
    tools = boot.boot_tools(packages) if spec.has_init else None
    boot_program = None
    if tools is not None:
        script = boot.boot_program_text(tools)
        boot_program = store.realise(boot.boot_program_recipe(tools), lambda top: boot.write_executable(top, script))
    activated = layered(below, declared)
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
    inputs = [profile.path, etc_item.path, *_privileged_items(privileged)]
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
    etc_links = tuple(etc.etc_entries(str(system.path), etc_location, packages, accounts, links))
    check_kinds((*packaged, *etc_links), (*homes, *declared))
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


def _profile(
    spec: SystemSpec,
    packages: Sequence[Installed],
    everything: Sequence[Installed],
    privileged: Sequence[PrivilegedCopy],
    store: ItemStore,
) -> tuple[StoreItem, Mapping[str, str]]:
    """The profile, and the links in it that lead elsewhere than into a package."""
    names = frozenset(package.name for package in packages)
    alternatives = Alternatives(
        spec.architecture, names, lambda path: provider(packages, path) is not None, spec.alternatives
    )
    replaced = {"local": LOCAL, **alternative_links(alternatives)}
    replaced |= site_links(packages)
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
    if is_built_in_locale(spec.locale) or LOCALES_PACKAGE in spec.packages:
        return None
    package = next((package for package in everything if package.name == LOCALES_PACKAGE), None)
    if package is None:
        raise SpecError(f"cannot set the locale {spec.locale}: the build has no {LOCALES_PACKAGE}")
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
    """Answers whether something stands at an image path, for the commands of services."""

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

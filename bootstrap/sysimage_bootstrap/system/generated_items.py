"""Items that a system has besides its packages: the locale, /etc, and the boot program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sysimage.digest import Digest
from sysimage.errors import SpecError
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.packages.default_packages import LOCALES_PACKAGE, is_built_in_locale
from sysimage_bootstrap.store import ItemStore, Recipe
from sysimage_bootstrap.system import boot, etc, locales
from sysimage_bootstrap.system.installed_packages import Installed

GENERATED_ITEMS_VERSION = 4
"""Part of every recipe of a system's own items: increased when the same inputs give other bytes."""


def locale_item(spec: SystemSpec, everything: Sequence[Installed], store: ItemStore) -> StoreItem | None:
    """The item of the system's locale; None where the C library or a package has it."""
    if is_built_in_locale(spec.locale) or LOCALES_PACKAGE in spec.packages:
        return None
    package = next((package for package in everything if package.name == LOCALES_PACKAGE), None)
    if package is None:
        raise SpecError(f"cannot set the locale {spec.locale}: the build has no {LOCALES_PACKAGE}")
    source = locales.locale_source(spec.locale, package.location)
    parameters = {"format": GENERATED_ITEMS_VERSION, "from": str(package.path), "directory": source.name}
    return store.realise(
        Recipe(f"locale-{source.name.replace('@', '-')}", "locale", (), parameters),
        lambda top: locales.build_locale(source, top),
    )


def etc_item(
    spec: SystemSpec,
    packages: Sequence[Installed],
    files: Mapping[str, bytes],
    links: Mapping[str, str],
    store: ItemStore,
) -> StoreItem:
    """The item of /etc, with what Debian generates at configuration: ``files`` and ``links``, by path in /etc."""
    leads_to = {StorePath.parse(target) for target in links.values() if target.startswith(f"{store.store_dir}/")}
    generated = {path: str(Digest.of(content)) for path, content in files.items()}
    recipe = Recipe(
        "etc",
        "etc",
        tuple(sorted({*leads_to, *(package.path for package in packages if package.has("etc"))})),
        {"format": GENERATED_ITEMS_VERSION, "files": generated, "links": dict(links)}
        | ({"init": spec.init.value} if spec.has_systemd else {}),
    )
    return store.realise(recipe, lambda top: etc.build_etc(packages, files, links, etc.not_wanted(spec), top))


def boot_program_item(tools: boot.BootTools, store: ItemStore) -> StoreItem:
    """The program that a container of the system starts with."""
    text = boot.boot_program_text(tools)
    return store.realise(boot.boot_program_recipe(tools), lambda top: boot.write_executable(top, text))

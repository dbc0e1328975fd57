"""From packages to a system. Each part of it is made by a module of its own beside this one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.progress import Progress, silent
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts
from sysimage.rootfs.provision import layered
from sysimage.rootfs.rows import package_rows
from sysimage.rootfs.system import LeftOutFile, SystemResult, UnreadLine
from sysimage.rootfs.tree import Entry
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.model import SystemSpec
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debs.inventory import PackageFacts
from sysimage_bootstrap.packages.default_packages import build_only
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system import etc
from sysimage_bootstrap.system.boot_methods import Boot, BootedImage, BootMethod, NoInit
from sysimage_bootstrap.system.configuration import ConfiguredEntries, configure, configured_entries
from sysimage_bootstrap.system.environment import image_environment
from sysimage_bootstrap.system.etc_contents import etc_contents
from sysimage_bootstrap.system.generated_items import etc_item, locale_item
from sysimage_bootstrap.system.image_programs import ImagePrograms
from sysimage_bootstrap.system.image_root import ImageRoot
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.merged_root import merged_tree
from sysimage_bootstrap.system.shepherd_init import ShepherdInit
from sysimage_bootstrap.system.system_accounts import chosen_ids, known_accounts, system_accounts
from sysimage_bootstrap.system.system_document import system_document
from sysimage_bootstrap.system.system_item import system_item
from sysimage_bootstrap.system.systemd.init import SystemdInit
from sysimage_bootstrap.system.trigger_files import triggered_files
from sysimage_bootstrap.system.trigger_items import trigger_items
from sysimage_bootstrap.system.unit_files import find_units
from sysimage_bootstrap.triggers.program_triggers import Assemble


@dataclass(frozen=True, slots=True)
class _Packages:
    """The packages of a system, with their items."""

    items: Mapping[str, StoreItem]
    """By package name."""
    everything: Sequence[Installed]
    """Sorted by name; with those that only the build needs."""
    in_image: Sequence[Installed]

    @classmethod
    def of(
        cls,
        spec: SystemSpec,
        items: Mapping[str, StoreItem],
        facts: Mapping[str, PackageFacts],
    ) -> _Packages:
        everything = [Installed.of(name, items[name], facts[name]) for name in sorted(items)]
        left_out = set(build_only(spec))
        return cls(items, everything, [package for package in everything if package.name not in left_out])

    def as_configured(self) -> list[Installed]:
        """Those of the image, dependencies first, as dpkg would configure them."""
        by_name = {package.name: package for package in self.in_image}
        return [by_name[name] for name in self.items if name in by_name]


def build_system(
    spec: SystemSpec,
    spec_dir: Path,
    items: Mapping[str, StoreItem],
    facts: Mapping[str, PackageFacts],
    store: ItemStore,
    programs: StoreItem | None = None,
    progress: Progress = silent,
    *,
    below: Accounts = NO_ACCOUNTS,
    locked: AccountIds = NO_IDS,
    assemble: Assemble | None = None,
) -> SystemResult:
    """Make the system that ``spec`` declares of packages, with an init if there are ``programs`` for it.

    ``items`` and ``facts`` are by package name, dependencies first; file sources of the spec are relative to
    ``spec_dir``; ``below`` are the accounts of the image below, and ``locked`` the IDs that accounts have whatever else
    there is. Whatever the spec asks for and the packages do not have is a `SpecError`.
    """
    packages = _Packages.of(spec, items, facts)
    progress("system", 0, 3)
    declared = _declare(spec, spec_dir, packages, store, programs, below, locked)
    progress("system", 1, 3)
    generated = _generate(spec, packages, declared, store, assemble)
    progress("system", 2, 3)
    system = system_item(
        sorted(generated.shown),
        generated.etc.path,
        declared.boot.files,
        system_document(spec, spec_dir),
        inputs=declared.boot.inputs,
        gc_roots=() if declared.boot.program is None else (declared.boot.program.path,),
        store=store,
    )
    progress("system", 3, 3)
    return _result(system.path, packages, declared, generated, store)


@dataclass(frozen=True, slots=True)
class _Declared:
    """What spec, packages and their scripts say of a system, worked out; only the boot program is an item yet."""

    declarations: Declarations
    accounts: Accounts
    account_ids: AccountIds
    configured: ConfiguredEntries
    environment: Mapping[str, str]
    root: ImageRoot
    init: BootMethod
    boot: Boot


def _declare(
    spec: SystemSpec,
    spec_dir: Path,
    packages: _Packages,
    store: ItemStore,
    programs: StoreItem | None,
    below: Accounts,
    locked: AccountIds,
) -> _Declared:
    present = packages.in_image
    known = known_accounts(present)
    declarations = configure(
        spec, packages.as_configured(), known.homes(spec), known.group_names(spec), store.store_dir
    )
    init = _init(spec, spec_dir, present, declarations, programs)
    accounts = system_accounts(spec, present, known, declarations, below, of_units=init.accounts(), locked=locked)
    configured = configured_entries(declarations, accounts, etc.not_wanted(spec))
    environment = image_environment(spec)
    root = ImageRoot.of(spec, spec_dir, present, accounts, configured, declarations)
    exists = ImagePrograms(spec, present, [entry.path for entry in root.overriding])
    image = BootedImage(accounts, root, exists, environment, declarations.first_starts)
    ids = chosen_ids(spec, known.base, below, accounts)
    return _Declared(declarations, accounts, ids, configured, environment, root, init, init.boot(image, store))


def _init(
    spec: SystemSpec,
    spec_dir: Path,
    packages: Sequence[Installed],
    declarations: Declarations,
    programs: StoreItem | None,
) -> BootMethod:
    if spec.has_systemd:
        return SystemdInit.of(spec, spec_dir, packages, find_units(packages, spec, spec_dir), declarations)
    if programs is None:
        return NoInit(spec)
    return ShepherdInit(spec, packages, find_units(packages, spec, spec_dir), programs)


@dataclass(frozen=True, slots=True)
class _Generated:
    """What is made of all packages together."""

    etc: StoreItem
    etc_links: Mapping[str, str]
    """Path in /etc → what a link that is the same in the image says."""
    in_var: Sequence[Entry]
    shown: Mapping[StorePath, ShownFiles]
    """How the items appear outside of the store: those of packages, and those made of them all."""


def _generate(
    spec: SystemSpec, packages: _Packages, declared: _Declared, store: ItemStore, assemble: Assemble | None
) -> _Generated:
    root, present = declared.root, packages.in_image
    tree = merged_tree(root.usr, present, (*root.overriding, *root.configured, *root.declared), store)
    triggered = triggered_files(tree, present, spec.architecture)
    contents = etc_contents(
        spec, present, packages.items, declared.configured, triggered, root.declared, declared.environment, store
    )
    made = [etc_item(spec, present, contents.files, contents.links, store)]
    if (locale := locale_item(spec, packages.everything, store)) is not None:
        made.append(locale)
    if assemble is not None:
        made += trigger_items(tree, present, assemble, ELF_TARGETS[spec.architecture].triplet, store)
    return _Generated(
        etc=made[0],
        etc_links=contents.links,
        in_var=[Entry.file(path, text) for path, text in triggered.items() if not path.startswith("/etc/")],
        shown={package.path: package.usr for package in present} | {item.path: ShownFiles() for item in made[1:]},
    )


def _result(
    system: StorePath, packages: _Packages, declared: _Declared, generated: _Generated, store: ItemStore
) -> SystemResult:
    closure = store.closure([system])
    present = {item.path for item in closure}
    rows = [
        row
        for package in packages.everything
        if package.path in present
        for row in package_rows(package.path, package.location, package.facts.md5sums)
    ]
    boot, accounts = declared.boot, declared.accounts
    etc_dir = store.location(generated.etc.path)
    in_etc = tuple(etc.etc_entries(str(system), etc_dir, packages.in_image, accounts, generated.etc_links))
    return SystemResult(
        system=system,
        boot_program=boot.program.path if boot.program else None,
        items=tuple(replace(item, shown=generated.shown.get(item.path)) for item in closure),
        accounts=accounts,
        account_ids=declared.account_ids,
        entries=layered(rows, generated.in_var, declared.root.entries(system, in_etc, boot.entries)),
        image_defaults=declared.init.defaults(system, boot, declared.environment),
        unread=tuple(
            UnreadLine(one.package, one.script, one.line, one.text, one.why) for one in declared.declarations.unread
        ),
        notices=boot.notices,
        left_out={str(packages.items[one.name].path): _left_out(one.facts) for one in packages.in_image},
    )


def _left_out(facts: PackageFacts) -> tuple[LeftOutFile, ...]:
    return tuple(LeftOutFile(path, why, size) for path, (why, size) in sorted(facts.left_out.items()))

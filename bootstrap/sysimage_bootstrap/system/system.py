"""From packages to a system. Each part of it is made by a module of its own beside this one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from sysimage.errors import SpecError
from sysimage.progress import Progress, silent
from sysimage.rootfs.accounts import NO_ACCOUNTS, Accounts
from sysimage.rootfs.declared_entries import check_kinds, declared_entries
from sysimage.rootfs.provision import layered
from sysimage.rootfs.rows import package_rows
from sysimage.rootfs.system import ImageDefaults, LeftOut, SystemResult, UnreadLine
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.account_ids import NO_IDS, AccountIds
from sysimage.spec.model import SystemSpec
from sysimage.store.items import ShownFiles, StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debian.architectures import ELF_TARGETS
from sysimage_bootstrap.debian.first_starts import unit_groups
from sysimage_bootstrap.debs.inventory import PackageFacts
from sysimage_bootstrap.packages.default_packages import build_only
from sysimage_bootstrap.scripts.declarations import Declarations, FirstStart
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system import boot, etc
from sysimage_bootstrap.system.attributes import attribute_entries
from sysimage_bootstrap.system.certificates import BUNDLE, CERTIFICATES, bundle_item, keystore
from sysimage_bootstrap.system.configuration import ConfiguredEntries, configure, configured_entries
from sysimage_bootstrap.system.environment import image_environment
from sysimage_bootstrap.system.generated_items import boot_program_item, etc_item, locale_item
from sysimage_bootstrap.system.image_programs import ImagePrograms
from sysimage_bootstrap.system.installed import Installed
from sysimage_bootstrap.system.merged import merged_tree
from sysimage_bootstrap.system.package_roots import package_entries
from sysimage_bootstrap.system.root import home_entries, var_entries
from sysimage_bootstrap.system.scheme import OwnPathText
from sysimage_bootstrap.system.services import shepherd_configuration
from sysimage_bootstrap.system.system_accounts import chosen_ids, known_accounts, system_accounts
from sysimage_bootstrap.system.system_document import system_document
from sysimage_bootstrap.system.system_item import SystemFile, system_item
from sysimage_bootstrap.system.systemd.boot import ENTRY_POINT, systemd_environment, systemd_files
from sysimage_bootstrap.system.systemd.boot import STOP_SIGNAL as SYSTEMD_STOPS
from sysimage_bootstrap.system.systemd.units import SystemdUnits
from sysimage_bootstrap.system.tmpfiles import runtime_directories
from sysimage_bootstrap.system.trigger_items import trigger_items
from sysimage_bootstrap.system.triggered import triggered_files
from sysimage_bootstrap.system.unit_files import (
    accounts_of_units,
    enabled_units,
    find_presets,
    find_units,
    notices_of_units,
)
from sysimage_bootstrap.system.unit_services import owner_in
from sysimage_bootstrap.system.usr import Usr, base_entries, settled
from sysimage_bootstrap.triggers import java_keystore
from sysimage_bootstrap.triggers.certificate_links import certificate_links
from sysimage_bootstrap.triggers.program_triggers import Assemble
from sysimage_bootstrap.units.enable import Enabled
from sysimage_bootstrap.units.unit_files import UnitFiles

STOP_SIGNAL = "SIGTERM"
"""What ends a system in order: the Shepherd stops every service and exits with status 0."""


def build_system(
    spec: SystemSpec,
    spec_dir: Path,
    resolution: Iterable[str],
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
    """Make the system that ``spec`` declares of the packages in ``resolution``, with an init if there are ``programs``
    for it.

    ``items`` and ``facts`` are by package name; file sources of the spec are relative to ``spec_dir``; ``below`` are
    the accounts of the image below, and ``locked`` the IDs that accounts have whatever else there is. Whatever the spec
    asks for and the packages do not have is a `SpecError`.
    """
    everything = [Installed.of(name, items[name], facts[name]) for name in sorted(set(resolution))]
    left_out = set(build_only(spec))
    packages = [package for package in everything if package.name not in left_out]
    progress("system", 0, 3)
    known = known_accounts(packages)
    by_name = {package.name: package for package in packages}
    in_order = [by_name[name] for name in items if name in by_name]
    declarations = configure(spec, in_order, known.homes(spec), known.group_names(spec), store.store_dir)
    units = find_units(packages, spec, spec_dir)
    systemd = _systemd_units(spec, spec_dir, packages, units, declarations) if spec.has_systemd else None
    of_units = accounts_of_units(spec, packages, units) if systemd is None else systemd.accounts()
    accounts = system_accounts(spec, packages, known, declarations, below, of_units=of_units, locked=locked)
    enabled = Enabled() if systemd else enabled_units(spec, packages, units, partial(owner_in, accounts))
    if enabled.issues:
        raise SpecError("cannot enable units", issues=enabled.issues)
    configured = configured_entries(declarations, accounts, etc.not_wanted(spec))
    environment = image_environment(spec)
    root = _Root.of(spec, spec_dir, packages, accounts, configured, declarations)
    exists = ImagePrograms(spec, packages, [entry.path for entry in root.overriding])
    of_init: tuple[Entry, ...] = ()
    if systemd is not None:
        made_by_tmpfiles = {one.path for one in runtime_directories(packages)}
        of_init = systemd.settled(accounts, exists, declarations.first_starts, root.before_boot(), made_by_tmpfiles)
    progress("system", 1, 3)
    certificates = etc.all_certificates(packages, root.declared)
    files = configured.etc_files | etc.generated_files(spec, packages, environment, certificates)
    tree = merged_tree(root.usr, packages, (*root.overriding, *root.configured, *root.declared), store)
    triggered = triggered_files(tree, packages, spec.architecture)
    files |= {path.removeprefix("/etc/"): text for path, text in triggered.items() if path.startswith("/etc/")}
    in_var = [Entry.file(path, text) for path, text in triggered.items() if not path.startswith("/etc/")]
    links = configured.etc_links | etc.generated_links(spec, packages)
    links |= {f"ssl/certs/{name}": target for name, target in certificate_links(certificates).items()}
    if any(package.name == "ca-certificates-java" for package in packages):
        files[java_keystore.PATH] = keystore(certificates)
    files = {path: content for path, content in files.items() if path not in links}
    sources = [items[package.name] for package in packages if package.has(CERTIFICATES)]
    for path in (BUNDLE, java_keystore.PATH):
        if (bundle := files.pop(path, None)) is not None:
            links[path] = str(bundle_item(PurePosixPath(path).name, bundle, sources, store).path)
    etc_tree = etc_item(spec, packages, files, links, store)
    locale = locale_item(spec, everything, store)
    progress("system", 2, 3)
    tools = None if programs is None else boot.boot_tools(packages, programs.path)
    boot_program = None if tools is None else boot_program_item(tools, store)
    log_of_others = units.find("syslog.service")
    configuration = partial(
        shepherd_configuration,
        spec,
        accounts,
        exists,
        enabled=enabled,
        serves_log=log_of_others is None or log_of_others[0].stem not in enabled.services,
    )
    files_of_boot: Mapping[str, SystemFile] = {}
    inputs: tuple[StorePath, ...] = ()
    if systemd is not None:
        files_of_boot, inputs = systemd_files(packages)
    elif tools is not None and programs is not None:
        files_of_boot = _boot_files(spec, tools, configuration, environment, root, declarations.first_starts)
        inputs = (*tools.items, programs.path)
    shown = {package.path: package.usr for package in packages}
    made = (
        trigger_items(tree, packages, assemble, ELF_TARGETS[spec.architecture].triplet, store)
        if assemble is not None
        else ()
    )
    shown |= {item.path: ShownFiles() for item in (locale, *made) if item is not None}
    system = system_item(
        sorted(shown),
        etc_tree.path,
        files_of_boot,
        system_document(spec, spec_dir),
        inputs=inputs,
        gc_roots=(boot_program.path,) if boot_program is not None else (),
        store=store,
    )
    progress("system", 3, 3)
    closure = store.closure([system.path])
    present = {item.path for item in closure}
    rows = [
        row
        for package in everything
        if package.path in present
        for row in package_rows(package.path, package.location, package.facts.md5sums)
    ]
    etc_links = tuple(etc.etc_entries(str(system.path), store.location(etc_tree.path), packages, accounts, links))
    return SystemResult(
        system=system.path,
        boot_program=boot_program.path if boot_program else None,
        items=tuple(replace(item, shown=shown.get(item.path)) for item in closure),
        accounts=accounts,
        account_ids=chosen_ids(spec, known.base, below, accounts),
        entries=layered(rows, in_var, root.entries(system.path, etc_links, of_init)),
        image_defaults=_image_defaults(spec, system.path, boot_program, environment),
        unread=tuple(UnreadLine(one.package, one.script, one.line, one.text, one.why) for one in declarations.unread),
        notices=notices_of_units(enabled) if systemd is None else systemd.notices(exists),
        left_out={str(items[package.name].path): _left_out(facts[package.name]) for package in packages},
    )


def _systemd_units(
    spec: SystemSpec, spec_dir: Path, packages: Sequence[Installed], units: UnitFiles, declarations: Declarations
) -> SystemdUnits:
    by_packages = [one.unit for one in declarations.units]
    groups = unit_groups(package.name for package in packages)
    return SystemdUnits.of(spec, units, by_packages, find_presets(packages, spec, spec_dir), groups)


def _left_out(facts: PackageFacts) -> tuple[LeftOut, ...]:
    return tuple(LeftOut(path, why, size) for path, (why, size) in sorted(facts.left_out.items()))


@dataclass(frozen=True, slots=True)
class _Root:
    """The root file system around the store, but for what depends on the system item."""

    usr: Usr
    """What the packages have below /usr."""
    overriding: tuple[Entry, ...]
    """What lies over it."""
    packaged: tuple[Entry, ...]
    """What every system has, and what its packages have outside of /usr and /etc."""
    configured: tuple[Entry, ...]
    """What the packages' scripts make of it, outside of /usr."""
    homes: tuple[Entry, ...]
    declared: tuple[Entry, ...]
    """By the spec."""

    @classmethod
    def of(
        cls,
        spec: SystemSpec,
        spec_dir: Path,
        packages: Sequence[Installed],
        accounts: Accounts,
        configured: ConfiguredEntries,
        declarations: Declarations,
    ) -> _Root:
        usr = Usr.of(packages)
        special = attribute_entries(spec, packages, accounts, declarations.capabilities)
        declared = declared_entries(spec, spec_dir, accounts)
        elsewhere = {entry.path for entry in (*configured.usr, *special, *declared)}
        return cls(
            usr,
            layered(
                settled(usr, elsewhere, spec.alternatives, declarations.diversions),
                special,
                _with_capabilities(configured.usr, special),
            ),
            layered(base_entries(usr), var_entries(), package_entries(packages, accounts)),
            configured.others,
            tuple(home_entries(accounts, packages)),
            tuple(declared),
        )

    def before_boot(self) -> tuple[Entry, ...]:
        """What a boot may have to make again where a container has covered it."""
        return layered(self.packaged, self.configured, self.homes, self.declared)

    def entries(self, system: StorePath, etc_links: tuple[Entry, ...], of_init: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """All of it, with what an init has in /etc; a `SpecError` where the spec puts a file in the place of a
        directory, or the reverse."""
        asked = (*self.homes, *self.declared)
        there = layered(self.usr.near(asked), self.overriding, self.packaged, etc_links, of_init)
        check_kinds(there, asked)
        return layered(
            self.overriding,
            layered(self.packaged, self.homes),
            etc_links,
            layered(self.configured, self.homes),
            of_init,
            [Entry.symlink("/run/current-system", str(system))],
            self.declared,
        )


def _with_capabilities(entries: Iterable[Entry], said: Iterable[Entry]) -> Iterator[Entry]:
    """Entries with the capabilities that others at the same paths have."""
    capabilities = {entry.path: entry.capabilities for entry in said if entry.capabilities}
    for entry in entries:
        is_file = entry.kind is Kind.FILE
        yield replace(entry, capabilities=capabilities.get(entry.path, b"")) if is_file else entry


def _boot_files(
    spec: SystemSpec,
    tools: boot.BootTools,
    configuration: Callable[..., str],
    environment: Mapping[str, str],
    root: _Root,
    first_starts: Sequence[FirstStart],
) -> dict[str, SystemFile]:
    """What boots the system and its services: files of the system item."""
    text = configuration(shell=tools.shell, programs=tools.programs)
    return {
        "boot": SystemFile(boot.boot_text(tools, environment), 0o755),
        "activate": SystemFile(boot.activation_text(root.before_boot(), spec.host_name, first_starts)),
        "shepherd.conf": SystemFile(OwnPathText((text,))),
    }


def _image_defaults(
    spec: SystemSpec, system: StorePath, boot_program: StoreItem | None, environment: Mapping[str, str]
) -> ImageDefaults:
    if spec.has_systemd:
        start, stop = f"{system}/{ENTRY_POINT}", spec.stop_signal or SYSTEMD_STOPS
        return ImageDefaults((start,), (), stop, systemd_environment(environment))
    if boot_program is None:
        return ImageDefaults(spec.entry_point, spec.command, spec.stop_signal, environment)
    return ImageDefaults((str(boot_program.path), str(system)), (), spec.stop_signal or STOP_SIGNAL, environment)

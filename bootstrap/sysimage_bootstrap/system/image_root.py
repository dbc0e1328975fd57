"""The root file system around the store, without the parts that depend on the system item."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.declared_entries import check_kinds, declared_entries
from sysimage.rootfs.provision import layered
from sysimage.rootfs.tree import Entry, Kind
from sysimage.spec.model import SystemSpec
from sysimage.store.paths import StorePath
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.system.attributes import attribute_entries
from sysimage_bootstrap.system.configuration import ConfiguredEntries
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.package_roots import package_entries
from sysimage_bootstrap.system.root_entries import home_entries, var_entries
from sysimage_bootstrap.system.usr import Usr, base_entries, settled


@dataclass(frozen=True, slots=True)
class ImageRoot:
    """Its entries, by where they come from."""

    usr: Usr
    """What the packages have below /usr."""
    overriding: tuple[Entry, ...]
    """What is over it."""
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
    ) -> ImageRoot:
        """The entries of ``packages``, of what their scripts declare, and of the spec."""
        usr = Usr.of(packages)
        special = attribute_entries(spec, packages, accounts, declarations.capabilities)
        declared = declared_entries(spec, spec_dir, accounts)
        elsewhere = {entry.path for entry in (*configured.usr, *declared)}
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

"""A system that systemd boots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sysimage.rootfs.system import ImageDefaults
from sysimage.spec.model import SystemSpec
from sysimage.store.paths import StorePath
from sysimage_bootstrap.debian.first_starts import unit_groups
from sysimage_bootstrap.scripts.declarations import Declarations
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.boot_methods import Boot, BootedImage, WantedAccounts
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.systemd.boot import ENTRY_POINT, STOP_SIGNAL, systemd_environment, systemd_files
from sysimage_bootstrap.system.systemd.units import SystemdUnits
from sysimage_bootstrap.system.tmpfiles import runtime_directories
from sysimage_bootstrap.system.unit_files import find_presets
from sysimage_bootstrap.units.unit_files import UnitFiles


@dataclass(frozen=True, slots=True)
class SystemdInit:
    """systemd, with the units of ``packages`` and of the spec."""

    spec: SystemSpec
    packages: Sequence[Installed]
    units: SystemdUnits

    @classmethod
    def of(
        cls,
        spec: SystemSpec,
        spec_dir: Path,
        packages: Sequence[Installed],
        units: UnitFiles,
        declarations: Declarations,
    ) -> SystemdInit:
        """Find what is enabled: by the spec, by presets, and by the packages' scripts."""
        by_packages = [one.unit for one in declarations.units]
        groups = unit_groups(package.name for package in packages)
        presets = find_presets(packages, spec, spec_dir)
        return cls(spec, packages, SystemdUnits.of(spec, units, by_packages, presets, groups))

    def accounts(self) -> WantedAccounts:
        return self.units.accounts()

    def boot(self, image: BootedImage, store: ItemStore) -> Boot:
        made_by_tmpfiles = {one.path for one in runtime_directories(self.packages)}
        entries = self.units.settled(
            image.accounts, image.exists, image.first_starts, image.root.before_boot(), made_by_tmpfiles
        )
        files, inputs = systemd_files(self.packages)
        return Boot(entries, files, inputs, notices=self.units.notices(image.exists))

    def defaults(self, system: StorePath, boot: Boot, environment: Mapping[str, str]) -> ImageDefaults:
        start, stop = (f"{system}/{ENTRY_POINT}",), self.spec.stop_signal or STOP_SIGNAL
        return ImageDefaults(start, (), stop, systemd_environment(environment))

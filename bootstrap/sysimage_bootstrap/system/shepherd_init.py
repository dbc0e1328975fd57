"""A system that the Shepherd boots: its configuration, what leads to it, and the services of enabled units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sysimage.errors import SpecError
from sysimage.rootfs.system import ImageDefaults
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system.boot import activation_text, boot_text, boot_tools
from sysimage_bootstrap.system.boot_methods import Boot, BootedImage, WantedAccounts
from sysimage_bootstrap.system.generated_items import boot_program_item
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.scheme import OwnPathText
from sysimage_bootstrap.system.services import shepherd_configuration
from sysimage_bootstrap.system.system_item import SystemFile
from sysimage_bootstrap.system.unit_files import accounts_of_units, enabled_units, notices_of_units
from sysimage_bootstrap.system.unit_services import owner_in
from sysimage_bootstrap.units.enable import Enabled
from sysimage_bootstrap.units.unit_files import UnitFiles

STOP_SIGNAL = "SIGTERM"
"""What ends a system in order: the Shepherd stops every service and exits with status 0."""


@dataclass(frozen=True, slots=True)
class ShepherdInit:
    """The Shepherd, run by the Guile programs of the item ``programs``."""

    spec: SystemSpec
    packages: Sequence[Installed]
    units: UnitFiles
    programs: StoreItem

    def accounts(self) -> WantedAccounts:
        return accounts_of_units(self.spec, self.packages, self.units)

    def boot(self, image: BootedImage, store: ItemStore) -> Boot:
        enabled = enabled_units(self.spec, self.packages, self.units, partial(owner_in, image.accounts))
        if enabled.issues:
            raise SpecError("cannot enable units", issues=enabled.issues)
        tools = boot_tools(self.packages, self.programs.path)
        configuration = shepherd_configuration(
            self.spec,
            image.accounts,
            image.exists,
            tools.shell,
            tools.programs,
            enabled,
            serves_log=self._serves_log(enabled),
        )
        activation = activation_text(image.root.before_boot(), self.spec.host_name, image.first_starts)
        return Boot(
            files={
                "boot": SystemFile(boot_text(tools, image.environment), 0o755),
                "activate": SystemFile(activation),
                "shepherd.conf": SystemFile(OwnPathText((configuration,))),
            },
            inputs=(*tools.items, self.programs.path),
            program=boot_program_item(tools, store),
            notices=notices_of_units(enabled),
        )

    def defaults(self, system: StorePath, boot: Boot, environment: Mapping[str, str]) -> ImageDefaults:
        start = (str(boot.program.path), str(system)) if boot.program is not None else ()
        return ImageDefaults(start, (), self.spec.stop_signal or STOP_SIGNAL, environment)

    def _serves_log(self, enabled: Enabled) -> bool:
        """Whether the init reads /dev/log, because no daemon does."""
        daemon = self.units.find("syslog.service")
        return daemon is None or daemon[0].stem not in enabled.services

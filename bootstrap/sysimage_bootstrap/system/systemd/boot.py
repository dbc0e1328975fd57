"""What boots a system with systemd: a program of the system item, which is the entry point and becomes systemd."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from importlib import resources

from sysimage.store.paths import StorePath
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.system.needed_programs import NeededPrograms
from sysimage_bootstrap.system.scheme import OwnPathText
from sysimage_bootstrap.system.system_item import SystemFile

STOP_SIGNAL = "SIGRTMIN+3"
"""What systemd takes for a request to halt (systemd(1)); it ignores SIGTERM as the first process of a container."""
ENTRY_POINT = "systemd"
"""Name of the program in the system item. Podman prepares a container for systemd if its first program has it."""
CONTAINER = {"container": "oci"}
"""By this variable systemd learns that it is in a container (container interface of systemd)."""


def systemd_files(packages: Iterable[Installed]) -> tuple[dict[str, SystemFile], tuple[StorePath, ...]]:
    """The programs of the system item, and the items that they need; a `SpecError` for a package that is left out."""
    needed = NeededPrograms(packages)
    bash, env = needed.find("bin/bash", "bash"), needed.find("bin/env", "coreutils")
    # Before the shell, which would handle no signal between two programs; dash would unblock it when it waits for one.
    blocking = f"{env} -S --block-signal={STOP_SIGNAL.removeprefix('SIG')} {bash}"
    needed.find("lib/systemd/systemd", "systemd")
    coreutils = shlex.quote(env.removesuffix("/env"))
    files = {
        ENTRY_POINT: SystemFile(
            OwnPathText((f"#!{blocking}\ncoreutils={coreutils}\nsystem=", f"\n{_text('systemd.sh')}")), 0o755
        ),
        "wait-until-ready": SystemFile(OwnPathText((f"#!{bash}\n{_text('wait-until-ready.sh')}",)), 0o755),
    }
    return files, needed.items


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def systemd_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The image's variables, with what systemd looks for."""
    return {**environment, **{name: text for name, text in CONTAINER.items() if name not in environment}}

"""How the item of a package appears below /usr. It depends on the package alone, so that all systems share its
layer."""

from __future__ import annotations

from sysimage.spec.base_accounts import BASE_GROUPS, BASE_USERS
from sysimage.store.items import NOT_IN_USR, OwnFile, ShownFiles
from sysimage_bootstrap.debs.inventory import OWN_SHARE, Attributes, PackageFacts

USUAL_DIRECTORY = OwnFile(0o755, 0, 0)
_FIXED_USERS = {name: uid for name, uid in BASE_USERS.items() if name != "_apt"}
"""Those with the same ID on every Debian system (Debian Policy, 9.2.2); ``_apt`` has one since base-passwd 3.6."""


def usr_files(facts: PackageFacts) -> ShownFiles:
    """The part of a package's item; a file whose owner's IDs only a system knows is like any other in it."""
    own = {
        path: fixed
        for path, said in facts.attributes.items()
        if is_shown(path) and not said.directory and path not in facts.links and (fixed := _fixed(said)) is not None
    }
    links = {path: target for path, target in facts.links.items() if is_shown(path)}
    return ShownFiles((OWN_SHARE,), dict(sorted(own.items())), dict(sorted(links.items())))


def is_shown(path: str) -> bool:
    """Whether a path of an item is below /usr, too."""
    return path.partition("/")[0] not in NOT_IN_USR and path != OWN_SHARE and not path.startswith(f"{OWN_SHARE}/")


def _fixed(said: Attributes) -> OwnFile | None:
    user = int(said.owner) if said.owner.isdecimal() else _FIXED_USERS.get(said.owner)
    group = int(said.group) if said.group.isdecimal() else BASE_GROUPS.get(said.group)
    return None if user is None or group is None else OwnFile(said.mode, user, group)

"""How a system of Guix or NixOS boots in a container: which kind a system item is, its entry point, its shell.

A Guix system (gnu/system.scm, gnu/services.scm in Guix) is a directory with ``boot``, ``activate`` and ``profile``; its
boot program is among its GC roots. A NixOS system (nixos/modules/system in nixpkgs) has ``init``, which activates it
and becomes systemd.
"""

from __future__ import annotations

import re
from pathlib import Path

from sysimage.errors import SpecError
from sysimage.from_store.item_files import ItemFiles
from sysimage.rootfs.accounts import Accounts, Group, User
from sysimage.rootfs.system import ImageDefaults
from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemKind
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath

_MARKS: dict[SystemKind, tuple[str, ...]] = {
    SystemKind.GUIX: ("boot", "activate", "profile"),
    SystemKind.NIXOS: ("init", "activate", "sw"),
}
"""What a system of each kind holds, and one of the other kinds does not hold all of."""
_OWN_MARK = "system.json"
_SYSTEMD_STOPS = "SIGRTMIN+3"
"""What systemd takes for a request to halt (systemd(1)); it ignores SIGTERM as the first process of a container."""
_SHEPHERD_STOPS = "SIGTERM"

_BOOT_PROGRAM = """\
(let ((system (cadr (command-line))) (link symlink))
  (define (mounted? file)
    (not (= (stat:dev (lstat file)) (stat:dev (lstat (dirname file))))))
  (setenv "GUIX_NEW_SYSTEM" system)
  (module-set! the-root-module (quote symlink)
    (lambda (target file)
      (catch (quote system-error)
        (lambda () (link target file))
        (lambda fault
          (unless (and (= EEXIST (system-error-errno fault)) (mounted? file)) (apply throw fault))))))
  (primitive-load (string-append system "/boot")))"""
"""What Guix's own boot program does; an argument of Guile, because a system without one has no file for it.

Guix 1.5 makes links in /etc, and engines mount a file at /etc/hostname: activation stopped there, and left out PAM,
profiles and the skeletons of homes, without which no service that waits for user processes starts.
"""


def recognise(system: StorePath, files: ItemFiles, specified: SystemKind | None = None) -> SystemKind:
    """The kind of a system item. A `SpecError` for an unknown kind, and for another kind than ``specified``."""
    fitting = [
        kind for kind, marks in _MARKS.items() if all(files.find(f"{system}/{mark}") is not None for mark in marks)
    ]
    if files.find(f"{system}/{_OWN_MARK}") is not None:
        raise SpecError(
            f"cannot boot {system} from the store: it was made of packages, and accounts and /etc are not in it",
            hint="build the image from the spec that the system was made of",
        )
    if specified is not None and specified in fitting:
        return specified
    if specified is not None:
        lacking = [mark for mark in _MARKS[specified] if files.find(f"{system}/{mark}") is None]
        raise SpecError(f"cannot boot {system} as a {specified} system: it has no {', '.join(lacking)}")
    if len(fitting) != 1:
        raise SpecError(
            f"cannot boot {system}: it is neither a Guix nor a NixOS system"
            if not fitting
            else f"cannot boot {system}: it could be a Guix or a NixOS system",
            hint='say "paths" for items without an init' if not fitting else 'say "system-kind"',
        )
    return fitting[0]


def boot_defaults(kind: SystemKind, system: StorePath, items: tuple[StoreItem, ...], files: ItemFiles) -> ImageDefaults:
    """Entry point, stop signal and environment of a container that boots ``system``."""
    profile = "/run/current-system/" + ("sw" if kind is SystemKind.NIXOS else "profile")
    if kind is SystemKind.NIXOS:
        # systemd looks for the variable to learn that it is in a container (container interface of systemd).
        environment = {"PATH": f"/run/wrappers/bin:{profile}/bin", "container": "oci"}
        return ImageDefaults((f"{system}/init",), (), _SYSTEMD_STOPS, environment)
    environment = {"PATH": f"/run/privileged/bin:{profile}/bin:{profile}/sbin"}
    program = boot_program(system, items, files)
    if program is not None:
        return ImageDefaults((str(program), str(system)), (), _SHEPHERD_STOPS, environment)
    guile = _guile(system, items, files)
    words = (guile, "--no-auto-compile", "-c", _BOOT_PROGRAM, str(system))
    return ImageDefaults(words, (), _SHEPHERD_STOPS, environment)


def boot_program(system: StorePath, items: tuple[StoreItem, ...], files: ItemFiles) -> StorePath | None:
    """The item among the system's GC roots that boots it, if there is one."""
    roots = files.find(f"{system}/gc-roots")
    paths = {str(item.path): item.path for item in items}
    for link in sorted(roots.iterdir()) if roots is not None and roots.is_dir() else ():
        path = paths.get(str(link.readlink())) if link.is_symlink() else None
        if path is not None and path.name == "boot-program" and files.is_program(str(path)):
            return path
    return None


def _guile(system: StorePath, items: tuple[StoreItem, ...], files: ItemFiles) -> str:
    """The Guile that the system's Shepherd is run by; if that is not known, the newest one in the closure."""
    for item in items:
        if item.path.name.startswith("shepherd-"):
            shebang = _shebang(files.find(f"{item.path}/bin/shepherd"))
            if shebang is not None and _GUILE.fullmatch(shebang) and files.is_program(shebang):
                return shebang
    found = [item.path for item in items if re.fullmatch(r"guile-[0-9.]+", item.path.name)]
    for path in sorted(found, key=lambda path: ([*map(int, re.findall("[0-9]+", path.name))], path), reverse=True):
        if files.is_program(f"{path}/bin/guile"):
            return f"{path}/bin/guile"
    raise SpecError(
        f"cannot boot {system}: there is neither a boot program among its GC roots nor a Guile in its closure",
        hint="a Guix system made for a container has both: guix system build, with a container's operating-system",
    )


_GUILE = re.compile(r"/.*guile[^/]*")


def _shebang(script: Path | None) -> str | None:
    """The interpreter of a script."""
    if script is None or not script.is_file():
        return None
    with script.open("rb") as file:
        line = file.readline(4096)
    return line[2:].split()[0].decode("utf-8", "surrogateescape") if line[:2] == b"#!" and line[2:].split() else None


def first_boot_entries(
    kind: SystemKind, system: StorePath, items: tuple[StoreItem, ...], files: ItemFiles
) -> tuple[Entry, ...]:
    """What a person needs in the image before its first boot: names of accounts, and a shell.

    Activation makes its own of the same names. There is no /etc/shadow: Guix keeps passwords that it finds there.
    """
    profile = f"{system}/" + ("sw" if kind is SystemKind.NIXOS else "profile")
    accounts = Accounts(
        (User("root", 0, 0, "System administrator", "/root", "/bin/sh"),
         User("nobody", 65534, 65534, "Nobody", "/nonexistent", "/bin/sh")),
        (Group("root", 0), Group("nogroup", 65534)),
    )  # fmt: skip
    entries = [Entry.file("/etc/passwd", accounts.passwd()), Entry.file("/etc/group", accounts.group_file())]
    shells = [f"{top}/bin/sh" for top in (profile, *_shells_first(items)) if files.is_program(f"{top}/bin/sh")]
    if shells:
        entries.append(Entry.symlink("/bin/sh", shells[0]))
    if kind is SystemKind.NIXOS:
        entries.append(Entry.file("/etc/NIXOS", b""))  # its tools refuse to work on anything else
    else:
        entries += [Entry.directory("/bin"), Entry.directory("/var/db"), Entry.directory("/var/lock", 0o1777)]
    return tuple(entries)


def _shells_first(items: tuple[StoreItem, ...]) -> list[StorePath]:
    """Where a shell is looked for that is not in the system's profile: activation links to one in the closure."""
    return sorted((item.path for item in items), key=lambda path: (not path.name.startswith("bash-"), path))

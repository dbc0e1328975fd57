"""Systems in the exact shape of Guix's and NixOS's, made of programs from Debian packages, and run by them.

No package of Guix or nixpkgs can be fetched everywhere, but what makes an image of a system does not look at programs:
it sees a directory with a certain content. These have that content, and it works: the items are of our own store.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sysimage.closure import Closure
from sysimage.store import StorePath
from sysimage.store.database import registration_text
from sysimage.store.query import read_store
from tests.support.store_builder import Content, Link, Program, StoreBuilder


@dataclass(frozen=True)
class Parts:
    """Where the programs are, by their place in the store."""

    shell: str
    coreutils: str
    guile: str
    shepherd: str
    profile: str


def database_of(archive: Path, directory: Path) -> Path:
    """The store database in the topmost layer of an archive whose layers are not compressed."""
    with tarfile.open(archive) as outer:
        last = outer.getmembers()[-1]
        file = outer.extractfile(last)
        assert file is not None
        with tarfile.open(fileobj=file) as layer:
            content = layer.extractfile("var/guix/db/db.sqlite")
            assert content is not None
            place = directory / "db.sqlite"
            place.write_bytes(content.read())
    return place


def copied_store(archive: Path, location: Path, directory: Path) -> tuple[StoreBuilder, Parts]:
    """The store of an image, found by the image's own database at ``location``, as one to which items can be added."""
    found = read_store(database_of(archive, directory), location=location)
    target = directory / "store"
    target.mkdir()
    places = [str(item.location) for item in found.items]
    linked = subprocess.run(["cp", "-al", *places, target], capture_output=True).returncode == 0
    if not linked:
        shutil.rmtree(target)
        target.mkdir()
        subprocess.run(["cp", "-a", *places, target], check=True)
    builder = StoreBuilder(target)
    builder.items = {item.path.name: item for item in found.items}

    def program(name: str) -> str:
        for item in found.items:
            if os.path.lexists(f"{item.location}/bin/{name}"):
                return f"{item.path}/bin/{name}"
        raise AssertionError(f"the base has no {name}")

    return builder, Parts(
        program("dash"),
        program("readlink").removesuffix("/readlink"),
        program("guile-3.0"),
        program("shepherd"),
        str(builder.add("profile", union([(str(item.path), Path(str(item.location))) for item in found.items])).path),
    )


def union(sources: list[tuple[str, Path]]) -> dict[str, Content]:
    """Links to everything that directories hold, as a Guix profile has them; each with its store path and its place."""
    holders: dict[str, list[tuple[str, Path]]] = {}
    for path, place in sources:
        for name in sorted(one.name for one in place.iterdir()) if place.is_dir() else ():
            holders.setdefault(name, []).append((f"{path}/{name}", place / name))
    return {
        name: union(having)
        if len(having) > 1 and all(place.is_dir() and not place.is_symlink() for _, place in having)
        else Link(having[0][0])
        for name, having in sorted(holders.items())
    }


BOOT_PROGRAM = """\
#!{guile} --no-auto-compile
!#
(define system (cadr (command-line)))
(setenv "GUIX_NEW_SYSTEM" system)
(execl "{guile}" "guile" "--no-auto-compile" (string-append system "/boot"))
"""

BOOT = """\
(begin
  ;; Cleanup: what the last boot left. Every step may fail.
  (for-each (lambda (file) (false-if-exception (delete-file file)))
            '("/etc/group.lock" "/etc/passwd.lock" "/etc/.pwd.lock"))
  (setenv "GUIX_LOCPATH" "/run/current-system/locale")
  (false-if-exception (mkdir "/var/run"))
  ;; Activation.
  (primitive-load "{activate}")
  ;; The Shepherd becomes the first process.
  (false-if-exception (delete-file "/run/booted-system"))
  (symlink (canonicalize-path "/run/current-system") "/run/booted-system")
  (let loop ((fd 3))
    (when (< fd 1024)
      (false-if-exception (fcntl fd F_SETFD FD_CLOEXEC))
      (loop (+ 1 fd))))
  (execl "{shepherd}" "shepherd" "--config" "{configuration}"))
"""

ACTIVATE = """\
(define system (getenv "GUIX_NEW_SYSTEM"))
(define (replace-link target file)
  (let ((new (string-append file ".new")))
    (false-if-exception (delete-file new))
    (symlink target new)
    (rename-file new file)))
(define (write-file file text mode)
  (call-with-output-file file (lambda (port) (display text port)))
  (chmod file mode))
(false-if-exception (mkdir "/var/run"))
(call-with-output-file "/var/log/wtmp" (const #t))
(replace-link system "/run/current-system")
(write-file "/etc/group" "root:x:0:\\nusers:x:998:\\n" #o644)
(write-file "/etc/passwd" "root:x:0:0::/root:/bin/sh\\nalice:x:1000:998::/home/alice:/bin/sh\\n" #o644)
(write-file "/etc/shadow" "root::::::::\\nalice:!:::::::\\n" #o600)
(replace-link (string-append system "/etc") "/etc/static")
(false-if-exception (delete-file "/etc/os-release"))
(copy-file "/etc/static/os-release" "/etc/os-release")
(replace-link "{shell}" "/bin/sh")
"""

CONFIGURATION = """\
(use-modules (shepherd service))
;; Guile 3.0.10 (threads.c, on_thread_exit) stops its signal thread when its finalizer thread ends before the other has
;; begun; both were just started, a fork ends the finalizer thread, and a child of that moment aborts at its first
;; sigaction. What a real system's configuration loads takes longer than the thread needs to begin.
(usleep 200000)
(default-environment-variables '("PATH=/run/current-system/profile/bin"))
(register-services
 (list (service '(greeter)
         #:start (make-forkexec-constructor
                  '("{shell}" "-c" "echo hello from the system; exec {coreutils}/sleep 100000")
                  #:log-file "/var/log/greeter.log")
         #:stop (make-kill-destructor))))
(start-in-the-background '(greeter))
"""


def guix_system(store: StoreBuilder, parts: Parts, *, boot_program: bool) -> Closure:
    """Add a system as ``guix system build`` makes one for a container."""

    def filled(text: str, **more: str) -> str:
        for name, value in {**vars(parts), **more}.items():
            text = text.replace("{" + name + "}", value)
        return text

    tag = "" if boot_program else "-2"  # both may stand in one store
    configuration = store.add(f"shepherd.conf{tag}", filled(CONFIGURATION))
    activate = store.add(f"activate{tag}", filled(ACTIVATE))
    etc = store.add(f"etc{tag}", {"os-release": 'NAME="Guix System"\nID=guix\n', "hosts": "127.0.0.1 localhost\n"})
    locale = store.add(f"locale-2.41{tag}", {"2.41": {}})
    boot = store.add(f"boot{tag}", filled(BOOT, activate=str(activate.path), configuration=str(configuration.path)))
    roots: dict[str, Content] = {"0": Link(str(locale.path))}
    if boot_program:
        roots["1"] = Link(str(store.add("boot-program", Program(filled(BOOT_PROGRAM))).path))
    content: Mapping[str, Content] = {
        "boot": Link(str(boot.path)),
        "activate": Link(str(activate.path)),
        "etc": Link(str(etc.path)),
        "profile": Link(parts.profile),
        "locale": Link(str(locale.path)),
        "gc-roots": roots,
    }
    system = store.add(f"guix-system{tag}", content)
    return closure_of(store, system.path)


NIXOS_INIT = """\
#!{shell}
PATH={coreutils}
export PATH
system=$(readlink -f "$0"); system=${system%/init}
"$system/activate" || echo "activation failed"
ln -sfn "$system" /run/booted-system
echo "starting systemd for $container..."
exec {systemd} "$@"
"""

NIXOS_ACTIVATE = """\
#!{shell}
PATH={coreutils}
systemConfig=$(readlink -f "$0"); systemConfig=${systemConfig%/activate}
mkdir -m 0755 -p /run /etc /bin
ln -sfn "$systemConfig" /run/current-system
ln -sfn {shell} /bin/sh
ln -sfn "$systemConfig/etc" /etc/static
"""

SYSTEMD = """\
#!{shell}
trap 'echo halting; exit 0' 37
while :; do {coreutils}/sleep 1 & wait $!; done
"""


def nixos_system(store: StoreBuilder, parts: Parts) -> Closure:
    """Add a system as NixOS makes one for a container; what stands for systemd knows the signal to halt."""

    def filled(text: str, **more: str) -> str:
        for name, value in {**vars(parts), **more}.items():
            text = text.replace("{" + name + "}", value)
        return text

    systemd = store.add("systemd-257", {"lib": {"systemd": {"systemd": Program(filled(SYSTEMD))}}})
    path = store.add("system-path", {"bin": Link(parts.profile + "/bin")})
    etc = store.add("etc-nixos", {"os-release": "ID=nixos\n"})
    system = store.add(
        "nixos-system-machine-25.05",
        {
            "init": Program(filled(NIXOS_INIT, systemd=f"{systemd.path}/lib/systemd/systemd")),
            "activate": Program(filled(NIXOS_ACTIVATE)),
            "etc": Link(str(etc.path)),
            "sw": Link(str(path.path)),
            "nixos-version": "25.05",
        },
    )
    return closure_of(store, system.path)


def closure_of(store: StoreBuilder, root: StorePath) -> Closure:
    """A root and what it refers to, of everything that the store has."""
    by_path = {item.path: item for item in store.items.values()}
    found = {root}
    to_do = [root]
    while to_do:
        for reference in by_path[to_do.pop()].references:
            if reference not in found:
                found.add(reference)
                to_do.append(reference)
    return Closure([by_path[path] for path in found], [root])


def register(closure: Closure, place: Path) -> None:
    place.write_text(registration_text(closure))

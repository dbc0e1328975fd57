"""What ``run``, ``shell`` and ``test`` share: where an image runs, and which image runs."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sysimage.cli import flags
from sysimage.cli.progress import Style, shown_progress
from sysimage.cli.settings import settings
from sysimage.cli.spec_files import choices, faults_in, plain_system
from sysimage.cli.terminal import Terminal
from sysimage.errors import MachineError, SpecError

if TYPE_CHECKING:
    from sysimage.containers.runner import Runner
    from sysimage.progress import Progress

RUNNABLE = "an archive or an OCI layout (FILE, DIR, DIR:TAG), or a system.json"
RUN_PLACES = ("vm", "docker", "podman", "namespaces")


def add_place(parser: argparse.ArgumentParser, default: str) -> None:
    """``--in`` and what belongs to the virtual machine."""
    parser.add_argument(
        "--in",
        dest="place",
        choices=RUN_PLACES,
        default=default,
        help=f"where it runs ({default}); vm: an engine in a virtual machine; docker, podman: that engine of this "
        "machine; namespaces: Linux namespaces, without any engine",
    )
    parser.add_argument(
        "--runtime", choices=("docker", "podman"), default=None, help="the engine inside the virtual machine (docker)"
    )
    parser.add_argument(
        "--accel",
        choices=("auto", "kvm", "tcg"),
        default="auto",
        help="of the virtual machine; kvm: fail without it; tcg: emulate the processor; auto: KVM where a kernel boots "
        "with it (the default)",
    )


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of the verbs that run an image for a person."""
    add_place(parser, "namespaces")
    flags.add_package_flags(parser)
    flags.add_progress_flags(parser)
    flags.add_choice_flags(parser, platform="one")
    parser.add_argument("image", metavar="IMAGE", type=Path, help=RUNNABLE)


def check_place(arguments: argparse.Namespace) -> None:
    """Refuse flags that say something about another place."""
    if arguments.place != "vm" and arguments.runtime is not None:
        raise SpecError(
            f"cannot choose {arguments.runtime} in {arguments.place}: --runtime is the virtual machine's engine",
            hint=f"say --in {arguments.runtime}, or leave --in out of `sysimage test`",
        )


@contextlib.contextmanager
def image_of(
    arguments: argparse.Namespace, terminal: Terminal, progress: Progress
) -> Iterator[tuple[Path, str | None]]:
    """Where the image is that is meant, and which of several there: a spec is built first, into a file of the cache
    that has no name, so nothing is left."""
    from sysimage.spec.other_formats import is_spec

    path: Path = arguments.image
    chosen = choices(arguments)
    if not is_spec(path.name) or path.is_dir():
        platforms: tuple[str, ...] = arguments.platforms or ()
        if chosen.variants or len(chosen.assignments) > len(platforms) or chosen.arguments:
            raise SpecError(
                f"cannot choose anything of {path}: it is an image, not a spec",
                hint="leave --variant, --set and --argument out, or name a system.json",
            )
        for platform in platforms:
            _require_own_architecture(platform, arguments)
        yield _found(str(path))
        return
    from sysimage.files.user_cache import make_cache
    from sysimage.pipeline.build import build
    from sysimage.pipeline.options import BuildRequest, Delivery, Identity, LayerStorage

    system = plain_system(str(path), arguments.lockfile, chosen)
    if arguments.place != "vm":  # which says it of itself
        _require_own_architecture(system.spec.platform, arguments)
    where = settings(arguments, terminal).sources()
    make_cache(where.cache_dir)
    with tempfile.TemporaryFile(dir=where.cache_dir) as file:
        request = BuildRequest(
            system,
            where,
            Identity.of(system.spec),
            layers=LayerStorage(where.cache_dir / "layers"),
            delivery=Delivery(file.fileno()),
        )
        with faults_in(str(path), chosen):
            build(request, progress)
        file.flush()
        yield Path(f"/proc/{os.getpid()}/fd/{file.fileno()}"), None


def _found(text: str) -> tuple[Path, str | None]:
    """The place of an image on this machine, and what it is called there where ``DIR:TAG`` names one of several."""
    from sysimage.pipeline.image_places import find_image_here
    from sysimage.spec.image_reference import is_registry_name

    found = find_image_here(text)
    if found is None and is_registry_name(text):
        raise SpecError(
            f"cannot run {text}: it is not on this machine", hint=f"copy it first: sysimage copy {text} image.tar"
        )
    return (Path(text), None) if found is None or not isinstance(found.place, Path) else (found.place, found.name)


def _require_own_architecture(platform: str, arguments: argparse.Namespace) -> None:
    """Refuse, before anything is built or read, an image that the machine could not run."""
    from sysimage.host_platform import host_platform

    own = host_platform()
    if arguments.place == "vm":
        from sysimage_vm.image import GUEST_PLATFORM

        own = GUEST_PLATFORM
    if platform.split("/")[:2] != own.split("/"):
        which = "this machine" if arguments.place != "vm" else "the virtual machine"
        raise MachineError(f"cannot run {arguments.image}: it is for {platform}, and {which} is {own}")


@contextlib.contextmanager
def opened_place(arguments: argparse.Namespace, terminal: Terminal) -> Iterator[Runner]:
    """The image where it is to run; progress is shown until it is there."""
    from sysimage.containers.image import open_image
    from sysimage.containers.open_runner import opened

    with contextlib.ExitStack() as stack:
        with shown_progress(progress_style(arguments, terminal), terminal) as progress:
            path, tag = stack.enter_context(image_of(arguments, terminal, progress))
            image = stack.enter_context(open_image(path, name=str(arguments.image), tag=tag))
            place = stack.enter_context(opened(image, arguments.place, terminal.environ, progress))
        for limit in () if arguments.quiet else place.limits:
            terminal.note(f"sysimage: {limit}")
        yield place


def progress_style(arguments: argparse.Namespace, terminal: Terminal) -> Style:
    """Plain lines of progress are for logs of builds: beside what an image says they would only be in the way."""
    if arguments.quiet or (arguments.progress == "auto" and not terminal.progress_is_read):
        return "quiet"
    style: Style = arguments.progress
    return style


def command_of(arguments: argparse.Namespace) -> list[str]:
    """The words after IMAGE; two dashes before them are for the habit."""
    words: list[str] = arguments.command
    return words[1:] if words[:1] == ["--"] else words


def is_terminal() -> bool:
    """Whether a person talks to us."""
    return sys.stdin.isatty() and sys.stdout.isatty()

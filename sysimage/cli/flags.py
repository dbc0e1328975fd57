"""Flags that several verbs share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Literal

from sysimage.cli.flag_values import argument, assignment, byte_count, created_at, one_platform, platforms, positive
from sysimage.cli.progress import STYLES

SPEC = "system.json"
"""The spec of a directory, where no argument names another."""
CACHE_SIZE = 20 * 10**9
"""Bytes of layers that are kept between builds by default."""


Platforms = Literal["one", "several in an index", "several lock files"]
"""How many platforms a verb takes, and what becomes of several."""
_SEVERAL = {
    "one": "",
    "several in an index": "; several with commas between become one index of images",
    "several lock files": "; several with commas between get a lock file each",
}
_TOGETHER = "the images of several are planned together, as with --together-with"
AN_IMAGE = (
    "an archive or an OCI layout (FILE, DIR; with :TAG where it holds several), or the name of an image in a registry "
    "(HOST/NAME:TAG)"
)

AN_IMAGE_OR_ENGINES = AN_IMAGE.replace(", or", ",") + ", or of an engine (docker:NAME, podman:NAME, nerdctl:NAME)"


def add_output_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """How results and progress are shown; the group, for other forms of the result."""
    group = add_progress_flags(parser)
    group.add_argument("--json", action="store_true", help="print the result, or the error, as one JSON document")
    return group


def add_changelogs(group: argparse._ActionsContainer) -> None:
    """Whether packages are fetched to read what they fix."""
    group.add_argument("--no-changelogs", action="store_true", help="fetch no package to read its changelog")


def add_progress_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """How progress is shown, for verbs that pass another program's output on; the group, for the others."""
    group = parser.add_argument_group("what is printed")
    group.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors")
    group.add_argument(
        "--progress",
        choices=STYLES,
        default="auto",
        help="how to show progress, on standard error: bars on a terminal (tty), lines elsewhere and where CI is set "
        "(plain), one JSON object a line (json), or not at all (quiet); auto chooses between the first two",
    )
    return group


def add_spec(parser: argparse.ArgumentParser, *, platform: Platforms = "one") -> None:
    """The spec, and which of its images is meant."""
    add_choice_flags(parser, platform=platform)
    parser.add_argument(
        "spec", metavar="SPEC", nargs="?", default=SPEC, help=f"the spec ({SPEC}), or - for standard input"
    )


def add_specs(parser: argparse.ArgumentParser, *, platform: Platforms = "one", several: str = _TOGETHER) -> None:
    """One spec or several, and which of their images are meant; ``several`` says what the verb makes of several."""
    add_choice_flags(parser, platform=platform)
    parser.add_argument(
        "specs",
        metavar="SPEC",
        nargs="*",
        default=[SPEC],
        help=f"the spec ({SPEC}), or - for standard input; {several}",
    )


def add_choice_flags(parser: argparse.ArgumentParser, *, platform: Platforms | None = None) -> None:
    """Which of the images that a spec stands for."""
    group = parser.add_argument_group("which of the spec's images")
    if platform is not None:
        group.add_argument(
            "--platform",
            metavar="OS/ARCH",
            type=one_platform if platform == "one" else platforms,
            dest="platforms",
            help="the platform, such as linux/arm64"
            + _SEVERAL[platform]
            + "; without it the spec's architecture counts",
        )
    group.add_argument(
        "--variant",
        metavar="NAME",
        action="append",
        help='change the spec as its variant of this name says; it is under "variants"; may be repeated',
    )
    group.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        type=assignment,
        dest="assignments",
        help="another value of a key, such as max-layers=20; or services.web.user=web, /labels/team=shop; KEY+=VALUE "
        "adds to an array; may be repeated",
    )
    group.add_argument(
        "--argument",
        metavar="NAME=VALUE",
        action="append",
        type=argument,
        dest="spec_arguments",
        help="the value of an argument that the spec declares; may be repeated; the variable SYSIMAGE_ARGUMENT_NAME "
        "says the same",
    )


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """Where packages come from, and what is proven and kept of the layers that are made of them."""
    group = add_package_flags(parser)
    group.add_argument(
        "--check-store",
        action="store_true",
        help="compare every item with the hash that its store says, while it is written into a layer",
    )
    group.add_argument(
        "--check-references",
        action="store_true",
        help="that, and that an item mentions no other item of the image but its references; reads all items",
    )
    group.add_argument(
        "--no-cache", action="store_true", help="keep no layers between builds; packages and the store are kept"
    )
    group.add_argument(
        "--cache-size",
        metavar="BYTES",
        type=byte_count,
        default=CACHE_SIZE,
        help="after a build, forget the layers that were not used for the longest time until those that are kept are "
        "at most this, such as 5G; 0 keeps them all (20G)",
    )


def add_package_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """Where packages come from, for verbs that make items of them; the group, for those that write layers too."""
    group = add_archive_flags(parser)
    group.add_argument("-j", "--jobs", metavar="N", type=positive, help="how many processors to use (all)")
    add_lockfile(group)
    return group


def add_lockfile(group: argparse._ActionsContainer) -> None:
    """The lock file."""
    group.add_argument(
        "--lockfile",
        metavar="FILE",
        type=Path,
        help="which packages, exactly; by default SPEC with .lock.json for .json, where that exists",
    )


def add_archive_flags(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    """How the package archive is reached and trusted; the group, for verbs that do something with packages."""
    group = parser.add_argument_group("where packages come from")
    group.add_argument("--archive", metavar="URL", help="the package archive, instead of apt's own")
    group.add_argument("--security-archive", metavar="URL", help="the archive of the security suite")
    group.add_argument(
        "--apt-root",
        metavar="DIR",
        type=Path,
        default=Path("/etc/apt"),
        help="whose apt configuration counts (/etc/apt)",
    )
    group.add_argument(
        "--keyring", metavar="FILE", type=Path, help="keys that may sign package lists, instead of Debian's"
    )
    group.add_argument("--allow-expired", action="store_true", help="take package lists that have run out")
    group.add_argument("--allow-rollback", action="store_true", help="take package lists older than those seen before")
    group.add_argument("--offline", action="store_true", help="use only what the cache has")
    group.add_argument(
        "--cache-dir",
        metavar="DIR",
        type=Path,
        help="what keeps packages, the store and layers between builds (XDG_CACHE_HOME or ~/.cache, /sysimage)",
    )
    return group


def add_plan_flags(parser: argparse.ArgumentParser) -> None:
    """How the image is divided."""
    group = parser.add_argument_group("what the image is like")
    locking = group.add_mutually_exclusive_group()
    locking.add_argument("--locked", action="store_true", help="refuse to build anything but what the lock file says")
    locking.add_argument(
        "--update",
        action="store_true",
        help="let the lock file follow what the spec asks for now",
    )
    group.add_argument("--max-layers", metavar="N", type=positive, help="the most layers, instead of the spec's")
    group.add_argument(
        "--from-image",
        metavar="IMAGE",
        help="the image that this one begins with, instead of the spec's: an archive or an OCI layout (with :TAG of "
        "several), or the name of an image in a registry (HOST/NAME:TAG or HOST/NAME@sha256:…)",
    )
    _add_boundary_flags(group)
    group.add_argument(
        "-t",
        "--tag",
        metavar="NAME[:TAG]",
        action="append",
        dest="tags",
        help="the image's name, instead of the spec's; may be repeated",
    )
    group.add_argument(
        "--compression",
        metavar="KIND[:LEVEL]",
        help="of layers: none, gzip or zstd, with a level such as zstd:19, instead of the spec's",
    )
    group.add_argument(
        "--created",
        metavar="TIME",
        type=created_at,
        help="when the image says it was made: seconds since 1970, a date such as 2026-01-31 or 2026-01-31T12:00:00Z, "
        "or now; by default $SOURCE_DATE_EPOCH, or else when the newest of the packages changed",
    )


def _add_boundary_flags(group: argparse._ArgumentGroup) -> None:
    """By which rule, with which history and with which other systems layer boundaries are drawn."""
    group.add_argument(
        "--strategy",
        choices=("sysimage", "guix-size", "popularity", "single"),
        default="sysimage",
        help="how layer boundaries are drawn: where the fewest bytes are expected to move (sysimage, the default), or "
        "by a rule of thumb, for comparison: the largest items a layer each (guix-size), those that most others need "
        "(popularity), or all in one (single); a rule knows no history, layer groups or --favour",
    )
    group.add_argument(
        "--favour",
        "--favor",
        choices=("both", "updates", "sharing"),
        default="both",
        help="what layer boundaries are drawn for: small updates, layers shared between images, or both (the default)",
    )
    group.add_argument(
        "--together-with",
        metavar="SPEC",
        action="append",
        type=Path,
        help="another system.json that layer boundaries are drawn with, so that both images hold the same layers where "
        "they hold the same items; may be repeated; --favour does not count then",
    )
    group.add_argument(
        "--history",
        metavar="PLACE",
        action="append",
        help="an earlier build to learn from what changes: the record of a build (*.plan.json), a directory of "
        "records, an archive, an OCI layout, or the name of an image in a registry; may be repeated, oldest first",
    )
    group.add_argument(
        "--previous",
        metavar="PLACE",
        help="the build before this one, whose layers are kept; named as --history names it; "
        "layers change where that pays",
    )


def add_registry_flags(parser: argparse.ArgumentParser) -> None:
    """How registries are reached."""
    group = parser.add_argument_group("how registries are reached")
    group.add_argument(
        "--plain-http",
        metavar="HOST[:PORT]",
        action="append",
        help="speak to this registry without TLS, as to this machine's own; may be repeated",
    )
    group.add_argument(
        "--registry-ca", metavar="FILE", type=Path, help="certificates to trust in registries, instead of the machine's"
    )

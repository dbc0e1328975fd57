"""``sysimage lock``: note exactly which packages a spec comes to today."""

from __future__ import annotations

import argparse

from sysimage.cli import flag_values, flags, outputs
from sysimage.cli.progress import shown_progress
from sysimage.cli.request import archive_choice
from sysimage.cli.spec_files import read_spec
from sysimage.cli.terminal import Terminal, in_bytes
from sysimage.errors import SpecError

NAME = "lock"
HELP = "write down exactly which packages the image is made of"
DESCRIPTION = """\
Choose the packages of SPEC as the archive has them today and write their versions, hashes and sizes to the lock file.
Builds use it from then on, and `build --locked` refuses anything else."""

_ELSEWHERE = "--lockfile names the lock file that is written"


def add_flags(parser: argparse.ArgumentParser) -> None:
    flags.add_source_flags(parser)
    flags.add_output_flags(parser)
    flags.add_spec(parser)


def run(arguments: argparse.Namespace, terminal: Terminal) -> None:
    spec, spec_dir = read_spec(arguments.spec)
    if spec.from_store is not None:
        raise SpecError(
            f"cannot lock {arguments.spec}: it is made of what a store holds, not of packages",
            hint="name store paths instead of links; their hashes say exactly what is in them",
        )

    from sysimage_bootstrap.packages.choose import lock_packages, open_archive, package_request
    from sysimage_bootstrap.packages.lock import FORMAT

    cache_dir = flag_values.cache_directory(arguments.cache_dir, terminal.environ)
    path = flag_values.lock_file(arguments.lockfile, arguments.spec)
    spec_itself, cache = outputs.spec_input(arguments.spec), outputs.Input("the cache", cache_dir, whole=True)
    read = [spec_itself, *outputs.source_inputs(spec, spec_dir), *outputs.flag_inputs(arguments), cache]
    outputs.refuse_inputs(path, read, hint=_ELSEWHERE)
    outputs.refuse_another_format(path, FORMAT.partition("/")[0], "a lock file")
    archive = open_archive(archive_choice(arguments, terminal), spec, cache_dir / "archive")
    with shown_progress("quiet" if arguments.quiet else arguments.progress, terminal) as progress:
        lock = lock_packages(package_request(spec), archive, progress)
    lock.write(path)
    packages = lock.resolution.packages
    size = sum(package.size for package in packages)
    if arguments.json:
        terminal.document({"lockfile": str(path), "packages": len(packages), "size": size})
    elif not arguments.quiet:
        terminal.result(f"{path}: {len(packages)} packages, {in_bytes(size)} to fetch")

"""Packages of the user's own: files beside the spec, which are read as an archive's list would describe them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import Issue, SpecError, SysimageError
from sysimage.files.code_digest import code_digest
from sysimage.files.memo import Memo
from sysimage.rules.secrets import SecretScanner, is_allowed
from sysimage.spec.model import SystemSpec
from sysimage_bootstrap.archive.deb822 import paragraph
from sysimage_bootstrap.archive.package import package_from_fields
from sysimage_bootstrap.debs.deb import Deb, open_deb
from sysimage_bootstrap.debs.tar import Type
from sysimage_bootstrap.packages.package_request import OWN, OwnPackage


def own_packages(spec: SystemSpec, spec_dir: Path, memory: Path) -> tuple[OwnPackage, ...]:
    """The package files that ``spec`` names, sorted by name.

    What was found in them is remembered in the directory ``memory``, so that each is unpacked once. A `SpecError` names
    every file that is not a package for the system, two files of one package, and files with secrets in them.
    """
    memo = Memo(memory, made_by=code_digest(own_packages))
    found: dict[str, OwnPackage] = {}
    issues: list[Issue] = []
    for index, word in enumerate(spec.packages):
        if word not in spec.own_packages:
            continue
        where = f"/packages/{index}"
        try:
            own, secrets = _read(spec_dir / word, word, memo)
        except (SysimageError, ValueError, KeyError) as error:
            cause = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
            issues.append(Issue(where, f"{word} cannot be used: {cause}"))
            continue
        package = own.package
        if package.architecture not in ("all", spec.architecture):
            issues.append(Issue(where, f"{word} is for {package.architecture}, the image for {spec.architecture}"))
        if package.name in found:
            issues.append(Issue(where, f"{word} is {package.name}, and so is {found[package.name].file.name}"))
        found[package.name] = own
        issues += [
            Issue(where, f'{word} has {path}, which contains {what}; say "allow-secrets": ["{path}"] if that is meant')
            for path, what in secrets
            if not is_allowed(path, spec.allow_secrets)
        ]
    if issues:
        raise SpecError("cannot use packages of your own", issues=issues)
    return tuple(found[name] for name in sorted(found))


def _read(file: Path, word: str, memo: Memo) -> tuple[OwnPackage, list[tuple[str, str]]]:
    """The package, and image paths of files in it with the secrets that they contain."""
    with file.open("rb") as stream:
        digest = Digest.of_file(stream)
    known = memo.find(digest.hex)
    if known is None:
        with open_deb(file, digest, word) as deb:
            known = json.dumps([deb.control, list(_secrets(deb))])
        memo.keep(digest.hex, known)
    control, secrets = json.loads(known)
    more = {"filename": file.name, "size": str(file.stat().st_size), "sha256": digest.hex}
    fields = {**paragraph(control), **more}
    package = package_from_fields(fields, OWN)
    stanza = "".join(f"{name}: {' '.join(value.split())}\n" for name, value in fields.items() if name != "description")
    return OwnPackage(package, stanza, file), [(path, what) for path, what in secrets]


def _secrets(deb: Deb) -> Iterator[tuple[str, str]]:
    for member in deb.data:
        if member.type is not Type.FILE:
            continue
        scanner = SecretScanner()
        for piece in deb.data.content():
            scanner.feed(piece)
        if scanner.found is not None:
            yield "/" + member.name.decode("utf-8", "backslashreplace").lstrip("./"), scanner.found

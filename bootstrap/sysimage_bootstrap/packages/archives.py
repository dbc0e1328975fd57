"""The archives that a spec names: Debian's archive, as apt is configured on this machine, and others with keys of their
own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sysimage.digest import Digest
from sysimage.errors import MachineError, SpecError
from sysimage.spec.model import PackageSources, SystemSpec
from sysimage_bootstrap.archive.sources import ArchiveSource, default_sources, sources_of_file


def archive_sources(
    spec: SystemSpec, spec_dir: Path, keys: Path, apt_root: Path, uri: str | None, security_uri: str | None
) -> tuple[ArchiveSource, ...]:
    """Every suite of every archive, in the spec's order. ``apt_root``, ``uri`` and ``security_uri`` say where Debian's
    is, as in `default_sources`; keys that are in files of apt are written below ``keys``."""
    found: list[ArchiveSource] = []
    for archive in spec.archives:
        if archive.archive:
            found += _other(archive, spec_dir, keys)
        else:
            found += default_sources(apt_root, archive.suites, archive.components, uri=uri, security_uri=security_uri)
    return tuple(found)


def other_sources(spec: SystemSpec, spec_dir: Path, keys: Path) -> dict[str, tuple[ArchiveSource, ...]]:
    """The suites of each archive except Debian's, by the name of the archive."""
    return {one.archive: _other(one, spec_dir, keys) for one in spec.archives if one.archive}


def labels(spec: SystemSpec, others: dict[str, tuple[ArchiveSource, ...]]) -> tuple[str, ...]:
    """The labels of all suites, in the spec's order."""
    return tuple(
        label
        for one in spec.archives
        for label in ([source.label for source in others[one.archive]] if one.archive else one.suites)
    )


def keys_of(others: dict[str, tuple[ArchiveSource, ...]]) -> dict[str, Digest]:
    """The SHA-256 of the keys of each archive, by its name."""
    return {name: _digest(name, sources) for name, sources in others.items()}


def _digest(name: str, sources: Sequence[ArchiveSource]) -> Digest:
    keyrings = sorted({source.keyring for source in sources if source.keyring is not None})
    try:
        return Digest.of(b"".join(keyring.read_bytes() for keyring in keyrings))
    except OSError as error:
        raise MachineError(
            f"cannot read the keys of the archive {name}: {error.strerror}: {error.filename}",
            hint='name a file beside the spec with "key"',
        ) from None


def _other(archive: PackageSources, spec_dir: Path, keys: Path) -> tuple[ArchiveSource, ...]:
    key = None if archive.key is None else spec_dir / archive.key
    if archive.file is not None:
        try:
            text = (spec_dir / archive.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SpecError(f"cannot read the package sources {archive.file}: {error}") from None
        return sources_of_file(text, archive.archive, key, keys)
    uri = (archive.address or "").rstrip("/")
    return tuple(
        ArchiveSource(uri, suite, () if suite.endswith("/") else archive.components, archive.archive, key)
        for suite in archive.suites
    )

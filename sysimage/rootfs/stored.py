"""What a Guix or Nix store holds becomes what an image is made of: a system that boots, or a pack."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sysimage.errors import Issue, SpecError
from sysimage.progress import Progress, silent
from sysimage.rootfs.accounts import Accounts
from sysimage.rootfs.boots import boot_defaults, boot_program, first_boot_entries, recognise
from sysimage.rootfs.declared import declared_entries
from sysimage.rootfs.inside import Inside
from sysimage.rootfs.pack import content_entries, pack_accounts, pack_defaults, pack_entries, real_directories
from sysimage.rootfs.provision import layered
from sysimage.rootfs.system import ImageDefaults, SystemResult
from sysimage.spec.model import StoreSource, SystemSpec
from sysimage.store.paths import StorePath
from sysimage.store.query import Memory, read_store

_MOST_LINKS = 40


def open_stored(
    spec: SystemSpec,
    source: StoreSource,
    spec_dir: Path,
    *,
    memory: Memory | None = None,
    base_accounts: Accounts | None = None,
    keep_accounts: bool = False,
    base_environment: Mapping[str, str] = MappingProxyType({}),
    is_base_directory: Callable[[str], bool] = lambda path: False,
    progress: Progress = silent,
) -> SystemResult:
    """Read the closure that ``source``, the spec's ``from-store``, names, and say what an image of it needs.

    ``memory`` says how items are read of which the source does not know everything; ``base_accounts`` and
    ``base_environment`` are those of the image below, and ``is_base_directory`` says which directories it has; with
    ``keep_accounts`` its account files stay as they are unless the spec adds to them. A `SpecError` for what is no
    store path, no system, or in another store than the spec's; other errors as in `sysimage.store.query.read_store`.
    """
    store_dir = spec.store.store_dir
    location = None if source.location is None else spec_dir / source.location
    words = source.items if source.system is None else (source.system,)
    roots = resolve_all(words, spec_dir, store_dir, location)
    place = spec_dir / (source.source or f"{spec.store.state_dir}/db/db.sqlite")
    found = read_store(place, roots, store_dir=store_dir, location=location, memory=memory, progress=progress)
    inside = Inside(found.items)
    system = roots[0]
    if source.system is None:
        accounts = pack_accounts(spec, base_accounts)
        declared = declared_entries(spec, spec_dir, accounts)
        contents = source.contents or ()
        tops = [str(resolve(spec_dir / content.path, store_dir, location)) for content in contents]
        entries = layered(
            content_entries(contents, tops, inside, accounts, real_directories(spec, declared, is_base_directory)),
            pack_entries(spec, source, system, inside, accounts),
            declared,
        )
        written = accounts if not keep_accounts or spec.users or spec.groups else None
        return SystemResult(
            system,
            None,
            found.items,
            written,
            entries,
            pack_defaults(spec, roots, inside, base_environment),
            tuple(roots[1:]),
        )
    kind = recognise(system, inside, source.system_kind)
    entries = layered(
        first_boot_entries(kind, system, inside), declared_entries(spec, spec_dir, pack_accounts(spec, base_accounts))
    )
    boots = boot_defaults(kind, system, found.items, inside) if spec.has_init else ImageDefaults((), (), None, {})
    defaults = ImageDefaults(
        boots.entry_point or spec.entry_point,
        boots.command or spec.command,
        spec.stop_signal or boots.stop_signal,
        {**boots.environment, **dict(sorted(spec.environment.items()))},
    )
    return SystemResult(system, boot_program(system, found.items, inside), found.items, None, entries, defaults)


def resolve_all(
    words: Sequence[str], spec_dir: Path, store_dir: str, location: Path | None = None
) -> tuple[StorePath, ...]:
    """Store paths in the order given, each once. A `SpecError` names every word that is none and leads to none."""
    found: dict[StorePath, None] = {}
    issues = []
    for word in words:
        try:
            found[resolve(spec_dir / word, store_dir, location)] = None
        except ValueError as error:
            issues.append(Issue(word, str(error)))
    if issues:
        raise SpecError(
            "cannot find in the store what the spec names",
            hint='a Nix store needs "store": {"kind": "nix"}'
            if any("/nix/" in str(issue) for issue in issues)
            else None,
            issues=issues,
        )
    return tuple(found)


def resolve(path: Path, store_dir: str, location: Path | None = None) -> StorePath:
    """The store path that ``path`` is, or that it leads to as a link; a ValueError for what does neither."""
    here = os.path.normpath(path)
    for _ in range(_MOST_LINKS):
        parent, _, name = here.rpartition("/")
        if parent == store_dir or (location is not None and Path(parent) == location.absolute()):
            return StorePath.parse(f"{store_dir}/{name}")
        try:
            target = Path(here).readlink()
        except FileNotFoundError:
            raise ValueError("there is nothing of this name") from None
        except OSError:
            raise ValueError(f"is neither in {store_dir} nor a link that leads there: {here}") from None
        here = os.path.normpath(os.path.join(os.path.dirname(here), target))  # noqa: PTH118, PTH120
    raise ValueError("is a link that leads in circles")

"""What an image holds: packages, files, configuration, layers and the reference graph of its store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from sysimage.closure import Closure
from sysimage.compare.compared_contents import HeldFile, HeldLayer, HeldPackage, Holding, named_packages
from sysimage.compare.layer_reader import STORE_NAME, ContentDigest, LayerFiles, read_files
from sysimage.digest import Digest
from sysimage.errors import IntegrityError, MachineError, SysimageError
from sysimage.progress import Progress, silent
from sysimage.rules import packages as package_rules
from sysimage.rules.paths import Parts, as_parts, as_path
from sysimage.store.items import StoreItem
from sysimage.store.paths import StorePath
from sysimage.verify.config import Config
from sysimage.verify.database import read_database
from sysimage.verify.image_source import ImagePlace
from sysimage.verify.issue_collector import IssueCollector, MalformedError
from sysimage.verify.limits import DEFAULT_LIMITS
from sysimage.verify.manifest import ImageDocuments, LayerDocument
from sysimage.verify.open import open_source
from sysimage.verify.read_documents import read_documents
from sysimage.verify.store import STATE_DIRECTORIES, WANTED
from sysimage.verify.tar import MemberKind, TarMember
from sysimage.verify.tree import FileTree, TreeNode, item_of
from sysimage.workers import threads
from sysimage_bootstrap.archive.deb822 import paragraph
from sysimage_bootstrap.archive.dependencies import parse_dependencies, parse_targets

STAGE = "read layers"
_THREADS = 2
_HASH = 33
"""Bytes of the hash in an item's name, with the hyphen after it."""


def read_image(
    path: Path | ImagePlace,
    *,
    name: str = "",
    platform: str | None = None,
    tag: str | None = None,
    files: bool,
    progress: Progress = silent,
) -> Holding:
    """Read an archive or an OCI layout. ``files`` asks for every file, with digests of their contents.

    An image that cannot be followed is an `IntegrityError`, a file that cannot be read a `MachineError`.
    """
    limits = DEFAULT_LIMITS

    def wanted(member: TarMember) -> bool:
        return _is_wanted(member.parts) and member.size <= limits.captured_file

    faults = IssueCollector(limits.faults_per_rule)
    try:
        with open_source(path, limits) as source:
            documents = read_documents(source, faults, limits, platform, tag)
            missing = next((layer for layer in documents.layers if source.size(layer.file) is None), None)
            if missing is not None:
                raise MalformedError(f"it has no {missing.file}, which is {missing.where}")
            done: list[int] = []

            def read(document: LayerDocument) -> LayerFiles:
                found = read_files(document, source, limits, wanted, ContentDigest if files else None)
                done.append(document.size)
                progress(STAGE, sum(done), sum(layer.size for layer in documents.layers), unit="bytes")
                return found

            with threads(_THREADS, "layers") as pool:
                layers = list(pool.map(read, documents.layers))
    except MalformedError as error:
        raise IntegrityError(f"cannot read {path}: {error}") from None
    except OSError as error:
        raise MachineError(f"cannot read {path}: {error.strerror}") from error
    tree = FileTree(faults)
    for document, layer in zip(documents.layers, layers, strict=True):
        tree.apply(document.number, layer.members, ours=False)
    return _holding(name or str(path), documents, tree, layers, files=files)


def _is_wanted(parts: Parts) -> bool:
    if parts[-1:] == (b"system.json",):
        return item_of(parts) == parts[:-1]
    return parts in WANTED or package_rules.is_row(parts) or package_rules.is_stanza(parts)


def _holding(
    name: str, documents: ImageDocuments, tree: FileTree, layers: Sequence[LayerFiles], *, files: bool
) -> Holding:
    packages, depends = _packages(_contents(tree, layers, as_parts(package_rules.STATUS), package_rules.is_row))
    items = _items(tree, layers)
    return Holding(
        name=name,
        kind="image",
        packages=packages,
        configuration=_configuration(documents.config),
        files=_files(tree, layers, items) if files else None,
        layers=tuple(
            HeldLayer(str(layer.digest or layer.diff_id), layer.size, layer.comment or layer.created_by)
            for layer in documents.layers
        ),
        closure=_closure(tree, layers),
        depends=depends,
        items=items,
        asked=_asked(tree, layers),
    )


def _asked(tree: FileTree, layers: Sequence[LayerFiles]) -> frozenset[str] | None:
    """What the newest system in the image was declared to be made of."""
    for layer in reversed(layers):
        for parts, content in layer.captured.items():
            if parts[-1] != b"system.json" or tree.find(parts) is None:
                continue
            try:
                named = json.loads(content)["packages"]
                return named_packages(named)
            except (ValueError, KeyError, TypeError):
                return None
    return None


def _contents(
    tree: FileTree, layers: Sequence[LayerFiles], directory: Parts, wanted: Callable[[Parts], bool]
) -> Iterator[bytes]:
    for parts, node in tree.walk(directory):
        content = _content(node, layers) if wanted(parts) else None
        if content is not None:
            yield content


def _content(node: TreeNode, layers: Sequence[LayerFiles]) -> bytes | None:
    return layers[node.layer - 1].captured.get(node.content_at)


def _packages(rows: Iterator[bytes]) -> tuple[dict[str, HeldPackage], dict[str, frozenset[str]]]:
    """Packages by name, and what each declares that it depends on; other files are ignored."""
    found: dict[str, HeldPackage] = {}
    depends: dict[str, frozenset[str]] = {}
    provided: dict[str, frozenset[str]] = {}
    for row in rows:
        try:
            fields = paragraph(row.decode())
            named = HeldPackage(
                fields["package"],
                fields["version"],
                fields.get("architecture", ""),
                *_source(fields),
            )
            declared = [fields.get(key, "") for key in ("depends", "pre-depends")]
            depends[named.name] = frozenset(
                target.name for text in declared for one in parse_dependencies(text) for target in one.alternatives
            )
            provided[named.name] = frozenset(target.name for target in parse_targets(fields.get("provides", "")))
        except (ValueError, KeyError):
            continue
        found[named.name] = named
    providers = {
        name: {one for one, names in provided.items() if name in names} for names in provided.values() for name in names
    }
    return found, {
        one: names.union(*(providers[name] for name in names if name in providers)) for one, names in depends.items()
    }


def _source(fields: Mapping[str, str]) -> tuple[str, str]:
    """Name and version of the source package, by default the package's own."""
    name, _, version = (fields.get("source") or fields["package"]).partition(" ")
    return name, version.strip("() ") or fields["version"]


def _items(tree: FileTree, layers: Sequence[LayerFiles]) -> dict[str, str]:
    """Store path → package, as items say themselves."""
    found = {}
    for layer in layers:
        for parts in layer.captured:
            item = item_of(parts) if package_rules.is_stanza(parts) else None
            if item is not None and parts[:-1] == (*item, *as_parts(package_rules.STANZAS)) and tree.find(parts):
                found[as_path(item)] = parts[-1].decode("utf-8", "replace")
    return found


def _closure(tree: FileTree, layers: Sequence[LayerFiles]) -> Closure | None:
    """The reference graph as the store's database has it; None where no database can be read."""
    for state, schema in STATE_DIRECTORIES.items():
        place = as_parts(f"{state}/db/db.sqlite")
        node = tree.find(place)
        data = None if node is None else _content(node, layers)
        if node is None or data is None:
            continue
        log = tree.find((*place[:-1], place[-1] + b"-wal"))
        faults = IssueCollector(1)
        rows = read_database(data, schema, "", faults, log=(log and _content(log, layers)) or b"", ours=False)
        if rows is None:
            return None
        try:
            return Closure(
                StoreItem(
                    path=StorePath.parse(path),
                    nar_hash=row.nar_hash or Digest("0" * 64),
                    nar_size=row.nar_size or 1,
                    references=tuple(sorted(map(StorePath.parse, row.references))),
                )
                for path, row in rows.items()
            )
        except (ValueError, SysimageError):
            return None
    return None


def _configuration(config: Config) -> dict[str, str]:
    runtime = config.runtime
    values: dict[str, object] = {
        "platform": f"{config.os}/{config.architecture}",
        "entry point": " ".join(runtime.entry_point),
        "command": " ".join(runtime.command),
        "user": runtime.user,
        "working directory": runtime.working_directory,
        "stop signal": runtime.stop_signal or "",
        "health check": " ".join(runtime.health_check),
        **{f"port {port}": "exposed" for port in runtime.exposed_ports},
        **{f"volume {volume}": "declared" for volume in runtime.volumes},
        **{f"environment {key}": value for key, _, value in (each.partition("=") for each in runtime.environment)},
        **{f"label {key}": value for key, value in config.labels.items()},
    }
    return {key: _without_hash(str(value)) for key, value in values.items() if value}


def _without_hash(text: str) -> str:
    """Store paths without their hashes, which change with every dependency."""
    return STORE_NAME.sub(
        lambda match: match[0].rpartition(b"/")[0] + "/…-".encode() + match[0].rpartition(b"/")[2][_HASH:],
        text.encode(),
    ).decode()


def _files(tree: FileTree, layers: Sequence[LayerFiles], items: Mapping[str, str]) -> dict[str, HeldFile]:
    """Every file once: if a file has several names, the one outside of the store counts, which people know.

    Directories of the store are left out; others count by their modes and owners.
    """
    names: dict[tuple[int, Parts], tuple[bool, Parts]] = {}
    owners: dict[tuple[int, Parts] | Parts, str] = {}
    places: list[tuple[Parts, TreeNode]] = []
    for parts, node in tree.walk():
        if _is_bookkeeping(parts):
            continue
        item = item_of(parts)
        if item is not None:
            owner = items.get(as_path(item)) or item[-1][_HASH:].decode("utf-8", "replace")
            # Below /usr the item's files have their second names; links and directories are others of that name there,
            # and a directory that several items have belongs to none of them.
            own = (node.layer, node.content_at) if node.kind is MemberKind.FILE else parts[len(item) :]
            owners[own] = owner if owners.get(own, owner) == owner else ""
        if node.kind is MemberKind.FILE:
            key = (node.layer, node.content_at)
            names[key] = min(names.get(key, (True, parts)), (item is not None, parts))
        places.append((parts, node))
    found = {}
    for parts, node in places:
        item = item_of(parts)
        if node.kind is MemberKind.FILE and names[node.layer, node.content_at][1] != parts:
            continue
        if item is not None and node.kind is not MemberKind.FILE:
            continue
        key_of = (node.layer, node.content_at) if node.kind is MemberKind.FILE else parts[1:]
        owner = owners.get(key_of, "")
        place = as_path(parts) if item is None else f"{owner}: {as_path(parts[len(item) :])}"
        content = layers[node.layer - 1].digests.get(node.content_at, b"").hex() if node.layer else ""
        if node.kind is MemberKind.SYMLINK:
            content = _without_hash(node.link.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode())
        size = node.size if node.kind is MemberKind.FILE else 0
        found[place] = HeldFile(node.kind.value, node.mode, node.uid, node.gid, size, content, owner)
    return found


def _is_bookkeeping(parts: Parts) -> bool:
    """What changes with every package and is shown as the package's change: databases of packages and of the store."""
    status = as_parts(package_rules.STATUS)
    states = [(*as_parts(state), b"db") for state in STATE_DIRECTORIES]
    return any(parts[: len(top)] == top for top in [status, *states]) or package_rules.is_stanza(parts)

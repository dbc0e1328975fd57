"""Reports before an image is written every fault that `sysimage verify` would find in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sysimage import bases
from sysimage.closure import Closure
from sysimage.errors import Issue, SpecError
from sysimage.image import ImageConfig, ImageName
from sysimage.layers import LayerBlob
from sysimage.preflight.documents import check_documents
from sysimage.preflight.image_files import ImageFiles
from sysimage.preflight.packages import check_packages
from sysimage.preflight.spec_pointers import made_of, spec_pointer
from sysimage.rootfs.account_files import Table
from sysimage.rootfs.tree import Entry, Kind, RootTree
from sysimage.rules import limits, system
from sysimage.rules.finding import Finding
from sysimage.rules.paths import as_parts, as_path, link_fault, path_fault
from sysimage.rules.program_architectures import check_architecture
from sysimage.rules.runtime import Runtime, check_runtime
from sysimage.spec.model import CommandReady, Service, SystemSpec

_OURS = "sysimage"
"""The owner of entries that the spec does not name."""


@dataclass(frozen=True, slots=True)
class ImageDraft:
    """What is known of an image before its first layer."""

    spec: SystemSpec
    closure: Closure
    tree: RootTree
    """Everything except store items."""
    config: ImageConfig
    layer_labels: Sequence[str]
    """Of the layers on top of those of the base."""
    annotations: Mapping[str, str]
    names: Sequence[ImageName]
    base: bases.BaseImage = bases.NO_BASE


def check_draft(draft: ImageDraft) -> None:
    """Refuse what would not run, or what readers of images would not take: a `SpecError` with every fault."""
    findings = list(_findings(draft))
    if not findings:
        return
    issues = {_placed(one, draft.spec): None for one in findings}
    count = "it would not run as the spec says" if len(issues) == 1 else f"{len(issues)} faults"
    raise SpecError(
        f"cannot build {draft.spec.name}: {count}",
        hint=next((one.hint for one in findings if one.hint), None),
        issues=list(issues),
    )


def _placed(finding: Finding, spec: SystemSpec) -> Issue:
    """The finding at its place in the spec; what the spec does not say itself is named in the message."""
    where = spec_pointer(finding.cause, spec)
    if where is None:
        return Issue(made_of(spec), f"{': '.join(finding.cause[1:])}: {finding.message}")
    return Issue(where, finding.message)


def _findings(draft: ImageDraft) -> Iterator[Finding]:
    runtime = runtime_of(draft.config)
    files = ImageFiles(draft.tree, draft.closure, draft.base)
    for entry in draft.tree:
        yield from _check_entry(entry)
    yield from _check_sizes(draft)
    yield from check_runtime(runtime)
    history = bases.base_history(draft.base)
    yield from check_documents(
        draft.config, draft.layer_labels, draft.annotations, draft.names, len(draft.base.layers), history
    )
    passwd, group = _account_file(draft, "passwd"), _account_file(draft, "group")
    yield from system.check_system(
        files,
        runtime,
        system.state_directory(files),
        passwd,
        group,
        own=lambda parts: as_path(parts) in draft.tree,
        own_health_check=draft.spec.health_check is not None,
    )
    items = dict.fromkeys([item.path for item in (*draft.closure, *draft.base.items)])
    yield from check_architecture(files, runtime, [as_parts(str(path)) for path in items])
    yield from _check_databases(draft)
    yield from check_packages(draft.tree, draft.closure, draft.base)
    around = system.surroundings(files, runtime)
    said = {name: user.shell for name, user in draft.spec.users.items() if user.shell is not None}
    yield from system.check_shells(around, said)
    yield from system.check_services(around, _service_commands(draft.spec, around.search))


def runtime_of(config: ImageConfig) -> Runtime:
    """How a container runs, as the rules take it."""
    check = config.healthcheck
    return Runtime(
        architecture=config.architecture,
        entry_point=config.entrypoint,
        command=config.cmd,
        environment=tuple(f"{name}={text}" for name, text in config.env),
        working_directory=config.working_dir or "",
        user=config.user or "",
        exposed_ports=tuple(port if "/" in port else f"{port}/tcp" for port in config.exposed_ports),
        volumes=config.volumes,
        stop_signal=config.stop_signal,
        health_check=("CMD", *check.command) if check else (),
    )


def check_layers(name: str, layers: Sequence[LayerBlob]) -> None:
    """Refuse an image whose layers are more than is read of one; only now is it known exactly."""
    size = sum(layer.tar_size for layer in layers)
    if size > limits.UNCOMPRESSED_SIZE:
        raise SpecError(
            f"cannot build {name}: its layers have {size} bytes together; at most {limits.UNCOMPRESSED_SIZE} are read",
            hint="leave packages or files out",
        )


def _check_entry(entry: Entry) -> Iterator[Finding]:
    if entry.kind is Kind.DIRECTORY and entry.owner == _OURS:
        return  # above what is declared, and shorter
    if entry.path.endswith("/db/db.sqlite") and entry.size() > limits.STORE_DATABASE:
        yield Finding("database", ("file", entry.path), f"has more than {limits.STORE_DATABASE} bytes")
    if wrong := path_fault(as_parts(entry.path)):
        yield Finding("names", ("file", entry.path), f"the name {wrong}")
    target = (entry.target or "").encode("utf-8", "surrogateescape")
    if entry.kind is Kind.SYMLINK and (wrong := link_fault(target)):
        yield Finding("names", ("file", entry.path), wrong)
    if max(entry.uid, entry.gid) > limits.IDENTIFIER:
        yield Finding("owners", ("file", entry.path), f"has an owner beyond {limits.IDENTIFIER}")


def _check_sizes(draft: ImageDraft) -> Iterator[Finding]:
    """What is read of an image at most. A layer has at least the bytes of its items' files."""
    size = draft.closure.nar_size + sum(entry.size() for entry in draft.tree)
    size += sum(layer.blob.tar_size for layer in draft.base.layers)
    if size > limits.UNCOMPRESSED_SIZE:
        yield Finding(
            "layers",
            ("packages",) if draft.spec.from_store is None else ("from-store",),
            f"the image would have {size} bytes; at most {limits.UNCOMPRESSED_SIZE} are read",
        )


def _check_databases(draft: ImageDraft) -> Iterator[Finding]:
    """An image has one store database at most, which knows every item."""
    store = draft.spec.store
    own = store.state_dir if store.database else None
    for entry in draft.tree:
        for state in system.STATE_DIRECTORIES:
            if state != own and entry.kind is not Kind.DIRECTORY and entry.path.startswith(f"{state}/db/"):
                yield Finding(
                    "database", ("file", entry.path), "is where a store has its database, which this image has not"
                )
    for state in draft.base.state_dirs:
        if not store.database:
            yield Finding(
                "database",
                ("store", "database"),
                f"the base has a store database in {state}, which must know the items on top",
            )
        elif state != own:
            yield Finding(
                "database",
                ("store", "kind"),
                f"the base has a store database in {state}, and an image has only one: this would be in {own}",
            )


def _account_file(draft: ImageDraft, name: Table) -> bytes:
    below = draft.base.account_files.get(name)
    for path in (f"/etc/{name}", *([below.path] if below is not None else [])):
        entry = draft.tree.get(path)
        if entry is not None and entry.kind is Kind.FILE:
            return entry.read()
    return b"" if below is None else below.content


def _service_commands(spec: SystemSpec, search: str) -> Iterator[system.ServiceCommand]:
    for name, service in spec.services.items():
        inside = service.environment.get("PATH", search)
        if service.command:
            yield _command(name, service, service.command, f"the service {name}", ("command", "0"), inside)
        if isinstance(service.ready, CommandReady):
            words, where = service.ready.command, ("ready", "command", "0")
            yield _command(name, service, words, f"the ready check of {name}", where, inside)


def _command(
    name: str, service: Service, words: Sequence[str], what: str, where: tuple[str, ...], inside: str
) -> system.ServiceCommand:
    return system.ServiceCommand(
        ("service", name, *where),
        what,
        tuple(words),
        ":".join(service.program_path),
        inside,
        service.working_directory,
    )

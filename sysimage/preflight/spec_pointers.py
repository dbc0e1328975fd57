"""Which place of the spec is the cause of what a rule found."""

from __future__ import annotations

from sysimage.rules.finding import Cause
from sysimage.spec.json_text import pointer
from sysimage.spec.model import SystemSpec


def spec_pointer(cause: Cause, spec: SystemSpec) -> str | None:
    """A JSON pointer into the spec; None for what no key of it says by itself."""
    match cause:
        case ("entry-point" | "command" as key, *rest):
            words = spec.entry_point if key == "entry-point" else spec.command
            return pointer(key, *rest) if words else made_of(spec)
        case ("health-check", *rest):
            return pointer("health-check", "command", *rest) if spec.health_check else "/from-image"
        case ("user" | "working-directory" | "stop-signal" as key,):
            said = key.replace("-", "_") in spec.model_fields_set
            return pointer(key) if said or spec.from_image is None else "/from-image"
        case ("environment", name):
            return _member("environment", name, name in spec.environment, spec)
        case ("label", name):
            return _member("labels", name, name in spec.labels, spec)
        case ("volume", path):
            return pointer("volumes", spec.volumes.index(path)) if path in spec.volumes else "/from-image"
        case ("exposed-port", port):
            ports = [said if "/" in said else f"{said}/tcp" for said in spec.exposed_ports]
            return pointer("exposed-ports", ports.index(port)) if port in ports else "/from-image"
        case ("shell", account):
            if account not in spec.users:
                return None
            said = "shell" in spec.users[account].model_fields_set
            return pointer("users", account, *(["shell"] if said else []))
        case ("service", name, *rest):
            return pointer("services", name, *rest)
        case ("file", path):
            return _declared(path, spec)
        case _:
            return pointer(*cause)


def _member(key: str, name: str, said: bool, spec: SystemSpec) -> str:
    if said:
        return pointer(key, name)
    return pointer(key) if spec.from_image is None else "/from-image"


def made_of(spec: SystemSpec) -> str:
    """The key that says what the image is made of."""
    if spec.from_store is not None and spec.from_store.system is not None:
        return "/from-store/system"
    if spec.from_image is not None and not spec.has_init:
        return "/from-image"
    if spec.from_store is not None:
        return "/from-store/paths"
    return "/exclude" if spec.exclude else "/packages"


def _declared(path: str, spec: SystemSpec) -> str | None:
    """The part of the spec that puts something at the image path."""
    for key in ("files", "symlinks", "directories"):
        if path in getattr(spec, key):
            return pointer(key, path)
    if spec.from_store is not None and path in spec.from_store.links:
        return pointer("from-store", "links", path)
    return None

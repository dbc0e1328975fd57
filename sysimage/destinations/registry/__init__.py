"""Registries: names, credentials, one way for every request, and pushes."""

from sysimage.destinations.registry.access import Registries
from sysimage.destinations.registry.credentials import Credentials, auth_files, find_credentials
from sysimage.destinations.registry.manifest import fetch_manifest
from sysimage.destinations.registry.names import ImageReference, PushTarget, Repository, push_targets
from sysimage.destinations.registry.push import push_content
from sysimage.destinations.registry.session import RegistrySession
from sysimage.destinations.registry.transport import SessionOptions

__all__ = [
    "Credentials",
    "ImageReference",
    "PushTarget",
    "Registries",
    "RegistrySession",
    "Repository",
    "SessionOptions",
    "auth_files",
    "fetch_manifest",
    "find_credentials",
    "push_content",
    "push_targets",
]

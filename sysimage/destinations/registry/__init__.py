"""Pushing to registries."""

from sysimage.destinations.registry.access import Registries
from sysimage.destinations.registry.credentials import Credentials, auth_files, find_credentials
from sysimage.destinations.registry.manifest import fetch_manifest
from sysimage.destinations.registry.push import push_image
from sysimage.destinations.registry.session import RegistrySession, SessionOptions
from sysimage.destinations.registry.target import RegistryTarget

__all__ = [
    "Credentials",
    "Registries",
    "RegistrySession",
    "RegistryTarget",
    "SessionOptions",
    "auth_files",
    "fetch_manifest",
    "find_credentials",
    "push_image",
]

"""Pushing to registries."""

from sysimage.destinations.registry.credentials import Credentials, auth_files, find_credentials
from sysimage.destinations.registry.push import push_image
from sysimage.destinations.registry.session import RegistrySession, SessionOptions
from sysimage.destinations.registry.target import RegistryTarget

__all__ = [
    "Credentials",
    "RegistrySession",
    "RegistryTarget",
    "SessionOptions",
    "auth_files",
    "find_credentials",
    "push_image",
]

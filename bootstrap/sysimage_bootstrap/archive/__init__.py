"""The trusted package archive: signature → lists → packages, each verified by the one before."""

from sysimage_bootstrap.archive.apt_settings import apt_transport
from sysimage_bootstrap.archive.archive import Archive, ArchiveOptions, native_architecture
from sysimage_bootstrap.archive.dependencies import Dependency, DependencyTarget
from sysimage_bootstrap.archive.index import PackageIndex, index_of
from sysimage_bootstrap.archive.package import Package, require_control
from sysimage_bootstrap.archive.release import Release
from sysimage_bootstrap.archive.sources import (
    DEFAULT_COMPONENTS,
    DEFAULT_SUITES,
    KEYRING,
    ArchiveSource,
    default_sources,
)
from sysimage_bootstrap.archive.transport import TransportOptions

__all__ = [
    "DEFAULT_COMPONENTS",
    "DEFAULT_SUITES",
    "KEYRING",
    "Archive",
    "ArchiveOptions",
    "ArchiveSource",
    "Dependency",
    "DependencyTarget",
    "Package",
    "PackageIndex",
    "Release",
    "TransportOptions",
    "apt_transport",
    "default_sources",
    "index_of",
    "native_architecture",
    "require_control",
]

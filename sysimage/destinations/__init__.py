"""Where images go: OCI layout directories, archives in files and pipes."""

from sysimage.destinations.archive import write_archive
from sysimage.destinations.direct import stream_docker_archive, write_archive_directly
from sysimage.destinations.layout import write_oci_layout
from sysimage.destinations.shape import ARCHIVE, DOCKER_ARCHIVE, FORMATS
from sysimage.destinations.written import WrittenImage

__all__ = [
    "ARCHIVE",
    "DOCKER_ARCHIVE",
    "FORMATS",
    "WrittenImage",
    "stream_docker_archive",
    "write_archive",
    "write_archive_directly",
    "write_oci_layout",
]

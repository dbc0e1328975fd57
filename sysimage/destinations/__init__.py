"""Where images go: OCI layout directories, archives in files and pipes."""

from sysimage.destinations.archive import write_archive
from sysimage.destinations.archive_format import ARCHIVE, ARCHIVE_FORMATS, DOCKER_ARCHIVE
from sysimage.destinations.layout import write_oci_layout
from sysimage.destinations.streamed_archive import stream_docker_archive, write_archive_directly
from sysimage.destinations.written_image import WrittenImage

__all__ = [
    "ARCHIVE",
    "ARCHIVE_FORMATS",
    "DOCKER_ARCHIVE",
    "WrittenImage",
    "stream_docker_archive",
    "write_archive",
    "write_archive_directly",
    "write_oci_layout",
]

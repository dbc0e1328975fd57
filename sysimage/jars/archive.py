"""What a jar is: whether Java can read it, which artifact it is, which Java it needs, and what else is inside."""

from __future__ import annotations

import json
import re
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from sysimage.errors import IntegrityError, Issue
from sysimage.jars.manifest import Artifact, main_attributes
from sysimage.rules.secrets import SecretScanner, secret_name

_PIECE = 1 << 20
"""Bytes that are read at once; of a manifest or of properties, no more are looked at."""
_DAMAGED = (BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError, OSError, struct.error)
_POM = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
_FILE_NAME = re.compile(r"(.+)-(\d[^-]*(?:-[A-Za-z][^-]*)*)")
"""Artifact, and version with a classifier after it: ``netty-transport-4.1.110.Final-linux-x86_64``."""
_CLASS = b"\xca\xfe\xba\xbe"
_BEFORE_JAVA_1 = 44
"""That of a class file, less the number of the Java that introduced it."""


@dataclass(frozen=True, slots=True)
class JarContents:
    """What was read in a jar."""

    artifact: Artifact | None
    """What it is by its own words."""
    contained: tuple[Artifact, ...] = ()
    """What was merged into it."""
    java: int | None = None
    """The oldest Java that runs any of its classes; None without classes."""
    class_path: tuple[str, ...] = ()
    """What its manifest adds to the class path: addresses relative to the jar."""
    jars: int = 0
    """How many jars are inside."""
    secrets: tuple[tuple[str, str], ...] = ()
    """What looks like one: where in the jar, and what it says."""

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> JarContents:
        said = json.loads(text)
        return cls(
            None if said["artifact"] is None else Artifact(**said["artifact"]),
            tuple(Artifact(**one) for one in said["contained"]),
            said["java"],
            tuple(said["class_path"]),
            said["jars"],
            tuple((path, what) for path, what in said["secrets"]),
        )


def read_jar(place: Path, name: str) -> JarContents:
    """Read a whole jar of a file name; an `IntegrityError` for one that Java would not read to its end."""
    poms: list[Artifact] = []
    secrets: list[tuple[str, str]] = []
    attributes: dict[str, str] = {}
    versions: list[int] = []
    jars = 0
    try:
        with ZipFile(place) as archive:
            for member in archive.infolist():
                if member.is_dir():
                    continue
                if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                    raise ValueError(f"{member.filename} is compressed in a way that Java cannot read")
                jars += member.filename.endswith(".jar")
                head, said = _read(archive, member)
                if (holds := _name_of_secret(member.filename)) is not None:
                    secrets.append((member.filename, f"its name says that it holds {holds}"))
                elif said is not None:
                    secrets.append((member.filename, f"contains {said}"))
                if member.filename == "META-INF/MANIFEST.MF":
                    attributes = main_attributes(head)
                elif _POM.fullmatch(member.filename) and (artifact := Artifact.of(head)) is not None:
                    poms.append(artifact)
                elif (version := _class_version(member.filename, head)) is not None:
                    versions.append(version)
    except _DAMAGED as error:
        raise IntegrityError(f"cannot use {place}: it is not a sound jar", issues=[Issue(name, str(error))]) from None
    artifact = _own(sorted(set(poms)), name)
    return JarContents(
        artifact,
        tuple(one for one in sorted(set(poms)) if one != artifact),
        min(versions, default=None),
        tuple(attributes.get("class-path", "").split()),
        jars,
        tuple(secrets),
    )


def named(name: str) -> tuple[str, str]:
    """Artifact and version as the name of a file says them, the version without what follows its first hyphen."""
    found = _FILE_NAME.fullmatch(PurePosixPath(name).stem)
    return (PurePosixPath(name).stem, "") if found is None else (found[1], found[2].partition("-")[0])


def _read(archive: ZipFile, member: ZipInfo) -> tuple[bytes, str | None]:
    """The beginning of a member, and the secret that it contains; zipfile compares its checksum at the end."""
    scanner, head = SecretScanner(), b""
    with archive.open(member) as stream:
        while data := stream.read(_PIECE):
            head = head or data
            scanner.feed(data)
    return head, scanner.found


def _name_of_secret(path: str) -> str | None:
    return next((holds for part in path.split("/") if (holds := secret_name(part)) is not None), None)


def _class_version(path: str, head: bytes) -> int | None:
    """The Java that a class needs; None for what only newer ones look at: META-INF/versions, a module's description."""
    if not path.endswith(".class") or path.startswith("META-INF/") or path.endswith("module-info.class"):
        return None
    if len(head) < 8 or not head.startswith(_CLASS):
        return None
    major: int = struct.unpack_from(">H", head, 6)[0]
    return major - _BEFORE_JAVA_1


def _own(artifacts: list[Artifact], name: str) -> Artifact | None:
    """Which of the artifacts a jar is: that of its file's name, or the only one."""
    stem = PurePosixPath(name).stem
    fit = [one for one in artifacts if stem == one.name or stem.startswith(f"{one.name}-")]
    if fit:
        return max(fit, key=lambda one: len(one.name))
    return artifacts[0] if len(artifacts) == 1 else None

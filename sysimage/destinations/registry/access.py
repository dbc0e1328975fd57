"""How the registries of one command line are reached: credentials for each, and which are used without TLS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sysimage.destinations.registry.credentials import find_credentials
from sysimage.destinations.registry.manifest import fetch_manifest
from sysimage.destinations.registry.session import RegistrySession, SessionOptions
from sysimage.destinations.registry.target import RegistryTarget
from sysimage.errors import RegistryError


@dataclass(frozen=True, slots=True)
class Registries:
    """The same for every registry, save those that are named."""

    auth_files: tuple[Path, ...] = ()
    """Where credentials are, as `auth_files` finds them; read when a registry is asked."""
    plain_http: tuple[str, ...] = ()
    """Hosts, with the port where there is one, that are spoken to without TLS. This machine's own always are."""
    ca_file: Path | None = None
    """Certificates to trust instead of the machine's."""

    def targets(self, names: tuple[str, ...]) -> tuple[RegistryTarget, ...]:
        """A target for each repository, in order of first mention, with all its tags; a `SpecError` for no name of an
        image in a registry."""
        repositories: dict[tuple[str, str], list[str]] = {}
        for name in names:
            target = RegistryTarget.parse(name)
            repositories.setdefault((target.host, target.repository), []).append(name)
        return tuple(
            RegistryTarget.parse(*texts, plain_http=host in self.plain_http)
            for (host, _), texts in repositories.items()
        )

    @contextlib.contextmanager
    def session(self, target: RegistryTarget) -> Iterator[RegistrySession]:
        """A session with the target's registry, closed at the end."""
        if self.ca_file is not None and not self.ca_file.is_file():
            raise RegistryError(f"cannot reach {target.host}: there is no file {self.ca_file} of certificates to trust")
        credentials = find_credentials(target.host, target.repository, self.auth_files)
        session = RegistrySession(target.host, credentials, SessionOptions(ca_file=self.ca_file))
        try:
            yield session
        finally:
            session.close()

    def annotations(self, name: str, platform: str) -> dict[str, str] | None:
        """What the manifest of an image says beside its layers; None where the registry has no such tag."""
        (target,) = self.targets((name,))
        with self.session(target) as session:
            manifest = fetch_manifest(target, session, platform)
        if manifest is None:
            return None
        found = manifest.get("annotations")
        return {key: text for key, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}

"""How the registries of one command line are reached: credentials for each, and which are used without TLS."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sysimage.destinations.registry.credentials import find_credentials
from sysimage.destinations.registry.manifest import manifest_for
from sysimage.destinations.registry.names import ImageReference, PushTarget, Repository
from sysimage.destinations.registry.session import RegistrySession
from sysimage.destinations.registry.transport import SessionOptions
from sysimage.destinations.registry.upload import Uploader
from sysimage.errors import RegistryError
from sysimage.proxies import Proxies


@dataclass(frozen=True, slots=True)
class Registries:
    """The same for every registry, except those that are named."""

    auth_files: tuple[Path, ...] = ()
    """Where credentials are, as `auth_files` finds them; read when a registry is asked."""
    plain_http: tuple[str, ...] = ()
    """Hosts, with the port if there is one, that are reached without TLS. For registries on this machine, the first
    request finds out whether they use TLS."""
    ca_file: Path | None = None
    """Certificates to trust instead of those of the machine."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What credential helpers run with, and which proxies lead to registries."""

    @contextlib.contextmanager
    def session(
        self, repository: Repository, *, actions: str = "pull", also_pull: tuple[str, ...] = ()
    ) -> Iterator[RegistrySession]:
        """A session with a repository, closed at the end; arguments as for `RegistrySession`."""
        if self.ca_file is not None and not self.ca_file.is_file():
            raise RegistryError(
                f"cannot reach {repository.host}: there is no file {self.ca_file} of certificates to trust"
            )
        session = RegistrySession(
            repository,
            find_credentials(repository, self.auth_files, self.environment),
            SessionOptions(ca_file=self.ca_file, proxies=Proxies.of(self.environment)),
            actions=actions,
            also_pull=also_pull,
            plain_http=bool({repository.host, repository.api_host} & {host.lower() for host in self.plain_http}),
        )
        try:
            yield session
        finally:
            session.close()

    def annotations(self, name: str, platform: str) -> dict[str, str] | None:
        """What the manifest of an image says besides its layers; None where the registry has no such image."""
        reference = ImageReference.parse(name)
        with self.session(reference.repository) as session:
            manifest = manifest_for(session, reference, platform)
        if manifest is None:
            return None
        found = manifest.get("annotations")
        return {key: text for key, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}

    def try_push(self, target: PushTarget) -> None:
        """Log in, begin an upload and give it up, so that what would refuse a push says so before any work."""
        with self.session(target.repository, actions="pull,push") as session:
            Uploader(session).try_out()

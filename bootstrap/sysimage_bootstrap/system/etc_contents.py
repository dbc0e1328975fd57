"""What the item of /etc has beside the files that packages ship: what their scripts, Debian's generators and triggers
write there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sysimage.rootfs.tree import Entry
from sysimage.spec.model import SystemSpec
from sysimage.store.items import StoreItem
from sysimage_bootstrap.store import ItemStore
from sysimage_bootstrap.system import etc
from sysimage_bootstrap.system.certificates import BUNDLE, CERTIFICATES, bundle_item, keystore
from sysimage_bootstrap.system.configuration import ConfiguredEntries
from sysimage_bootstrap.system.installed_packages import Installed
from sysimage_bootstrap.triggers import java_keystore
from sysimage_bootstrap.triggers.certificate_links import certificate_links


@dataclass(frozen=True, slots=True)
class EtcContents:
    """By path in /etc; a path is either a file or a link."""

    files: Mapping[str, bytes]
    links: Mapping[str, str]
    """What each says."""


def etc_contents(
    spec: SystemSpec,
    packages: Sequence[Installed],
    items: Mapping[str, StoreItem],
    configured: ConfiguredEntries,
    triggered: Mapping[str, bytes],
    declared: Iterable[Entry],
    environment: Mapping[str, str],
    store: ItemStore,
) -> EtcContents:
    """What is generated of ``packages``, whose ``items`` are by name, and of what the spec has ``declared``.

    ``triggered`` is what triggers make, by image path; paths outside of /etc are ignored. Triggers win over
    generators, and these over scripts.
    """
    certificates = etc.all_certificates(packages, declared)
    files = configured.etc_files | etc.generated_files(spec, packages, environment, certificates)
    files |= {path.removeprefix("/etc/"): text for path, text in triggered.items() if path.startswith("/etc/")}
    links = configured.etc_links | etc.generated_links(spec, packages)
    links |= {f"ssl/certs/{name}": target for name, target in certificate_links(certificates).items()}
    if any(package.name == "ca-certificates-java" for package in packages):
        files[java_keystore.KEYSTORE_PATH] = keystore(certificates)
    files = {path: content for path, content in files.items() if path not in links}
    sources = [items[package.name] for package in packages if package.has(CERTIFICATES)]
    links |= _links_to_bundles(files, sources, store)
    return EtcContents({path: content for path, content in files.items() if path not in links}, links)


def _links_to_bundles(files: Mapping[str, bytes], sources: Sequence[StoreItem], store: ItemStore) -> dict[str, str]:
    """The bundles of certificates are items of their own, to which /etc leads."""
    return {
        path: str(bundle_item(PurePosixPath(path).name, files[path], sources, store).path)
        for path in (BUNDLE, java_keystore.KEYSTORE_PATH)
        if path in files
    }

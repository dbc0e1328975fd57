"""Names of images in registries, as people write them, and where a registry of that name is asked."""

from __future__ import annotations

import pytest

from sysimage.destinations.registry import ImageReference, PushTarget, RegistrySession, push_targets
from sysimage.digest import Digest
from sysimage.errors import SpecError

PINNED = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "host", "repository", "tag"),
    [
        ("docker.io/debian", "docker.io", "library/debian", "latest"),
        ("docker.io/library/debian:13", "docker.io", "library/debian", "13"),
        ("index.docker.io/team/web:1", "docker.io", "team/web", "1"),
        ("registry-1.docker.io/team/web:1", "docker.io", "team/web", "1"),
        ("registry.hub.docker.com/team/web:1", "docker.io", "team/web", "1"),
        ("hub.docker.com/team/web:1", "docker.io", "team/web", "1"),
        ("www.docker.io/debian", "docker.io", "library/debian", "latest"),
        ("https://hub.docker.com/_/debian", "docker.io", "library/debian", "latest"),
        ("https://hub.docker.com/r/team/web/", "docker.io", "team/web", "latest"),
        ("hub.docker.com/r/team/web:1", "docker.io", "team/web", "1"),
        ("hub.docker.com/_/debian:13", "docker.io", "library/debian", "13"),
        ("docker://index.docker.io/debian:13", "docker.io", "library/debian", "13"),
        ("docker://library/debian:13", "docker.io", "library/debian", "13"),
        ("Docker.IO/debian", "docker.io", "library/debian", "latest"),
        ("docker://debian:13", "docker.io", "library/debian", "13"),
        ("docker://team/web", "docker.io", "team/web", "latest"),
        ("docker://docker.io/debian", "docker.io", "library/debian", "latest"),
        ("docker://host.test:5000/web:1", "host.test:5000", "web", "1"),
        ("[::1]:5000/x", "[::1]:5000", "x", "latest"),
        ("[2001:db8::1]/team/x:2", "[2001:db8::1]", "team/x", "2"),
        ("localhost/x", "localhost", "x", "latest"),
        ("HOST.test/a/b/c:1", "host.test", "a/b/c", "1"),
    ],
)
def test_a_name_is_read_in_each_of_its_spellings(text: str, host: str, repository: str, tag: str) -> None:
    reference = ImageReference.parse(text)
    assert (reference.repository.host, reference.repository.name, reference.tag) == (host, repository, tag)
    assert ImageReference.parse(str(reference)) == reference


def test_a_digest_pins_whatever_the_tag_points_to() -> None:
    pinned = ImageReference.parse(f"host.test:5000/web@{PINNED}")
    both = ImageReference.parse(f"host.test:5000/web:1@{PINNED}")
    assert (pinned.tag, pinned.version) == (None, PINNED)
    assert (both.tag, both.version, both.digest) == ("1", PINNED, Digest("a" * 64))
    assert str(both) == f"host.test:5000/web:1@{PINNED}"


@pytest.mark.parametrize(
    "text",
    ["web", "web:1", "team/web", "host.test/", "host.test/UPPER", "http://host.test/web", "https://host.test/r/web",
     "https://hub.docker.com/_/", "host.test/web@sha256:1", "host.test/web@", "[::1/x", "host.test/web:1:2", "",
     "docker://", "host.test/a\nb", "[::1]:x/y"],
)  # fmt: skip
def test_a_text_that_names_no_image_in_a_registry_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="as the name of an image"):
        ImageReference.parse(text)


def test_a_push_gives_tags_and_never_digests() -> None:
    first, second = push_targets(("h.test/w:1", "h.test/v", "h.test/w:2"))
    assert [str(name) for name in first.names()] == ["h.test/w:1", "h.test/w:2"]
    assert [str(name) for name in second.names()] == ["h.test/v:latest"]
    for texts, cause in (((f"h.test/w@{PINNED}",), "not a name to give"), (("h.test/a", "h.test/b"), "one repository")):
        with pytest.raises(SpecError, match=cause):
            PushTarget.parse(*texts)


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("host.test:5000/web", "https://host.test:5000/v2/web"),
        ("docker.io/debian", "https://registry-1.docker.io/v2/library/debian"),
        ("localhost:1/a/b", "http://localhost:1/v2/a/b"),
        ("127.0.0.1:1/web", "http://127.0.0.1:1/v2/web"),
        ("[::1]:1/web", "http://[::1]:1/v2/web"),
    ],
)
def test_tls_is_used_for_all_hosts_except_this_machine(text: str, base: str) -> None:
    assert RegistrySession(ImageReference.parse(text).repository).base == base


def test_a_registry_is_reached_without_tls_where_that_is_asked_for() -> None:
    session = RegistrySession(ImageReference.parse("host.test:5000/web").repository, plain_http=True)
    assert session.base == "http://host.test:5000/v2/web"

"""Lists the tags of a repository."""

from __future__ import annotations

from sysimage.destinations.registry.manifest import not_there
from sysimage.destinations.registry.replies import safe_address
from sysimage.destinations.registry.session import RegistrySession
from sysimage.destinations.registry.transport import resolved
from sysimage.errors import RegistryError

_PAGE = 1000
_PAGES = 1000


def list_tags(session: RegistrySession) -> tuple[str, ...]:
    """Every tag, sorted; from as many pages as the registry makes of them. A `SpecError` without such a repository."""
    found: set[str] = set()
    url = f"{session.base}/tags/list?n={_PAGE}"
    for _ in range(_PAGES):
        reply = session.request("GET", url, accept=(200, 404))
        if reply.status == 404:
            raise not_there(f"list the tags of {session.repository}", "repository")
        tags = reply.document().get("tags")
        found.update(tag for tag in tags or () if isinstance(tag, str))
        following = reply.next_page
        if following is None:
            return tuple(sorted(found))
        url = resolved(following, reply.url)
    raise RegistryError(f"cannot list the tags at {safe_address(session.base)}: they have no end")

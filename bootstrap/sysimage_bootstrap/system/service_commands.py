"""What declared services have in common, whichever init runs them."""

from __future__ import annotations

from collections.abc import Callable

from sysimage.errors import Issue
from sysimage.rootfs.accounts import Accounts
from sysimage.spec.json_text import pointer
from sysimage.spec.services import Service

Exists = Callable[[str], bool]
"""Whether an image path names a program of the image; paths that only exist once it runs are not asked for."""


def with_program_path(command: tuple[str, ...], service: Service, exists: Exists) -> tuple[str, ...]:
    """The command with its program's whole path, as far as the image has it."""
    program, *arguments = command
    if "/" in program:
        return command
    candidates = [f"{directory}/{program}" for directory in service.program_path]
    return (next((path for path in candidates if exists(path)), program), *arguments)


def owner_issues(name: str, service: Service, accounts: Accounts) -> list[Issue]:
    """The accounts of a service that the image does not have."""
    issues = []
    if service.user is not None and accounts.user(service.user) is None:
        issues.append(Issue(pointer("services", name, "user"), f"there is no user {service.user!r}"))
    if service.group is not None and accounts.group(service.group) is None:
        issues.append(Issue(pointer("services", name, "group"), f"there is no group {service.group!r}"))
    return issues

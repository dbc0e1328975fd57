"""Booting in namespaces takes root, or a range of users in /etc/subuid for services; other users get a message.

The same questions are asked in the virtual machine, for which no user needs to be root.
"""

from sysimage.containers.users import is_privileged, user_map

MAY = is_privileged() or user_map().several
collect_ignore_glob = [] if MAY else ["test_*"]


def pytest_report_header() -> str:
    return "boot in namespaces: " + ("yes" if MAY else "left out: not root, and no range of users in /etc/subuid")

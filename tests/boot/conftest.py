"""Booting in namespaces gives files and processes to many users, which takes root; others are told so.

The same questions are asked in the virtual machine, for which nobody needs to be root.
"""

import os

collect_ignore_glob = ["test_*"] if os.geteuid() else []


def pytest_report_header() -> str:
    return "boot in namespaces: " + ("left out, only root can" if os.geteuid() else "yes")

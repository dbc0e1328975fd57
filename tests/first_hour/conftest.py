"""A newcomer's first hour on a clean machine: some minutes and hundreds of megabytes, so not for every run of the
tests. ``make first-hour`` says so in the environment, and must be run by root, since it changes roots.
"""

import os

collect_ignore_glob = [] if os.environ.get("SYSIMAGE_FIRST_HOUR") else ["test_*"]

"""What dpkg itself makes of packages in a chroot: minutes and hundreds of megabytes, so not for every run of the tests.

``make scripts`` says so in the environment, and must be run by root.
"""

import os

collect_ignore_glob = [] if os.environ.get("SYSIMAGE_SCRIPT_TESTS") else ["test_*"]

"""An arm64 machine, emulated: minutes, and programs that only this needs, so not for every run of the tests.

``make test-arm`` says so in the environment.
"""

import os

collect_ignore_glob = [] if os.environ.get("SYSIMAGE_ARM64_TESTS") else ["test_*"]

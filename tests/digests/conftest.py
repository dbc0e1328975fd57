"""The same images out of other Debians, Pythons and libraries: some minutes and hundreds of megabytes, so not for every
run of the tests. ``make test-digests`` says so in the environment, and must be run by root, since it changes roots.
"""

import os

collect_ignore_glob = [] if os.environ.get("SYSIMAGE_DIGEST_TESTS") else ["test_*"]

"""Real services: some minutes and hundreds of megabytes of packages, so not for every run of the tests.

``make workloads`` says so in the environment, and must be run by root, since it boots in namespaces.
"""

import os

collect_ignore_glob = [] if os.environ.get("SYSIMAGE_WORKLOAD_TESTS") else ["test_*"]

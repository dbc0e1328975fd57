"""trivy, which ``make trivy`` builds from its source: too much for every run of the tests."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("SYSIMAGE_TRIVY") else ["test_*"]

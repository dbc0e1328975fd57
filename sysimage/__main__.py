"""``python -m sysimage``."""

import sys

from sysimage.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""``sysimage``, and ``python -m sysimage``: the process around the command line."""

import os
import signal
import sys
from typing import NoReturn


def program() -> NoReturn:
    """Run the command line and end the process with its status."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Before and after the time in which `main` listens there is nothing to unwind, and no traceback to be shown.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    from sysimage.cli import main

    status = main()
    if status in _BY_SIGNAL:
        os._exit(status)  # at exit Python waits for threads, which may wait for the network
    sys.exit(status)


_BY_SIGNAL = {128 + number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

if __name__ == "__main__":
    program()

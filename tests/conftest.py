"""What holds for every test.

No deadline, because how long an example takes says how busy the machine is. Signals as a terminal's programs have
them: a shell starts its background jobs with some ignored, and what a test starts would ignore them too.
"""

import signal

from hypothesis import settings

settings.register_profile("sysimage", deadline=None)
settings.load_profile("sysimage")

for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

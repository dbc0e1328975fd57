"""What holds for every test: no deadline, because how long an example takes says how busy the machine is."""

from hypothesis import settings

settings.register_profile("sysimage", deadline=None)
settings.load_profile("sysimage")

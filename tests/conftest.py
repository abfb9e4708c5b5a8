"""Fixtures that every test may use."""

import signal
import zoneinfo

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.servers.fixtures", "tests.servers.davfixtures", "tests.readers.fixtures"]

# How long an example takes on a machine that does other things says nothing about the
# code; the time limit of a test holds all the same.
settings.register_profile(
    "busy machines", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machines")

# What the tests compare with reads the time zones that the gateway reads, from the tzdata
# package: the system's may be of another release.
zoneinfo.reset_tzpath(to=())

# Whatever is started in the background of a script ignores Ctrl-C, and so would the commands
# that the tests stop by it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

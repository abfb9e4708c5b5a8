"""Real mail servers that the tests start on loopback, from nothing, and stop again.

``scripts/install-test-servers`` puts the programs in place; a server that is
not there skips its tests and says why.
"""

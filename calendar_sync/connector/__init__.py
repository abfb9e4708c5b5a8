"""The gateway's own connector: the client of its API, its set-up and its secrets."""

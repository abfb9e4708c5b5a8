"""What connectors are offered beyond files: sync modes, jobs, lookups, and the API's bodies.

The API itself is spoken by :mod:`freebusy.web.connector`, and understood by the client in
:mod:`calendar_sync.connector`; work on the mail server is behind ``freebusy.ports.connector``.
"""

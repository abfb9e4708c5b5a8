"""The FTP side of the gateway (RFC 959, RFC 2428, RFC 3659); the only importer of pyftpdlib."""

# First of all: pyftpdlib.ioloop is the one module that imports asyncore with its
# deprecation warning silenced; pyftpdlib.handlers would raise the warning.
import pyftpdlib.ioloop  # noqa: F401  # imported for what it does to the others

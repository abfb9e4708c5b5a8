"""The free/busy gateway: calendar folders in, free/busy files out."""

__version__ = "0.1.0"

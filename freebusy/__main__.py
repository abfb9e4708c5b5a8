"""``python -m freebusy``."""

from freebusy.cli import main

main()

"""What the commands ``freebusy connector ...`` do: one module for each kind of thing."""

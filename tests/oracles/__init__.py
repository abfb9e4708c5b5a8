"""Independent readers of calendars, a generator of events, and the door to our own reader."""

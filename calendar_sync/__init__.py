"""Calendar sources: where calendars are read from."""

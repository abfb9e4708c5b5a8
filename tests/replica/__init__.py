"""The two-way sync: what it decides, and what holds whatever happens to it."""

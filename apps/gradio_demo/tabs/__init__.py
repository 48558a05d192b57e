"""One module per tab; `build()` makes it, with its events."""

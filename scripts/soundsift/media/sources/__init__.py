"""Where media come from, one module per kind of source."""

"""Event sources, one module per kind."""

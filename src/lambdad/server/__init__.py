"""Configuration, wiring and the daemon's life."""

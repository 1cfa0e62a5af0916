"""The Runtime API and the life of one execution environment."""

"""Isolation shells for execution environments, one driver per technique."""

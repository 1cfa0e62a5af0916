"""The lambdad command."""

"""AWS Lambda as a daemon."""

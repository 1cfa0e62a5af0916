"""Amazon CloudWatch Logs, API version 2014-03-28."""

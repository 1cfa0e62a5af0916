"""AWS Lambda, API version 2015-03-31."""

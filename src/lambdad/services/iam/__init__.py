"""AWS Identity and Access Management, API version 2010-05-08."""

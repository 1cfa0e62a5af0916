"""The AWS surface: one thin function per operation, one folder per service."""

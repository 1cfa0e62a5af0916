"""The three pattern languages of CloudWatch Logs: terms, JSON selectors, space-delimited columns.

Pure: text in, predicates out. `telemetry/log_pattern.py` chooses the language.
"""

"""Event source mappings, pollers, batches and retries."""

"""Data semantics (queues, streams, tables …) without HTTP and without IAM."""

"""Where outcomes of asynchronous invocations go, one module per kind."""

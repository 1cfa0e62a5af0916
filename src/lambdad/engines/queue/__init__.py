"""The durable queue under SQS, asynchronous invocation, destinations and dead letters."""

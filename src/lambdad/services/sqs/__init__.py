"""Amazon SQS over the queue engine: thin operations, AWS's answers."""

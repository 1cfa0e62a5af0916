"""What Python runtimes have beside their interpreter and the official runtime client."""

"""AWS's protocols: how an operation's input, output and errors travel in HTTP messages."""

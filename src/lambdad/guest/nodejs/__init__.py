"""The Node.js runtime client: JavaScript that runs inside the sandbox, held here as data."""

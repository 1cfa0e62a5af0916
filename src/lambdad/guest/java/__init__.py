"""How Java functions are started: `bootstrap`, beside AWS's own runtime client."""

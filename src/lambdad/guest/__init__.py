"""What runs inside the sandbox: standard library only, Python 3.8 and up, nothing of ours."""

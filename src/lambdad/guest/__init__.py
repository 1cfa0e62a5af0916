"""What runs inside the sandbox. Standard library only, Python 3.8 and up, imports nothing of ours."""

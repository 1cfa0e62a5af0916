"""Operation dispatch: from an authenticated call to the function that serves it."""

"""Function URLs: HTTP requests that invoke a function, and its results as HTTP."""

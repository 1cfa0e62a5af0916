"""One isolation technique per module; siblings never import each other."""

"""What is stable: hulls, reactions, windows, gases."""

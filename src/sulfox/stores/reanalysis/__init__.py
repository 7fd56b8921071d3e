"""Analyses of a store's results run again: what is missing, at the present version."""

"""Figures of what is stable: mixing, hulls, windows, voltage, gases."""

"""Dynamics with VASP across time limits: segments, their seams, the archive they end in."""

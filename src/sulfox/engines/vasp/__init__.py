"""VASP: what its output files say about electrons."""

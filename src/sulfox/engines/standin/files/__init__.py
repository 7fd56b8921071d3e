"""The files that VASP reads and writes, as the stand-in reads and writes them."""

"""A stand-in for the VASP executable, for tests and rehearsals: not VASP, and it says so."""

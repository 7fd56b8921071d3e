"""Machine-learned interatomic potentials through any ASE calculator."""

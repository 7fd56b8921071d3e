"""How they meet: slabs, terminations, lattice match, stacking, checks, ranking."""

"""Two oxides that continue one rock-salt lattice: the coherent core-shell cell."""

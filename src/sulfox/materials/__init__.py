"""Who takes part: the catalogue of cathodes, coatings and electrolytes."""

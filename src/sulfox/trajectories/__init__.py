"""How they move: readers, archive, periodic geometry; numpy only."""

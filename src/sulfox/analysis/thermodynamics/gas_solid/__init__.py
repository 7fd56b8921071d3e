"""Gases over solids: Gibbs energies, reactions, equilibria, predominance."""

"""How well: levels of theory and run settings from ``configs/protocols``."""

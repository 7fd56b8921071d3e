"""First-principles workflows for cathode | electrolyte interfaces in solid-state batteries."""

__version__ = "0.1.0"

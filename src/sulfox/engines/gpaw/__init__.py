"""GPAW behind the engine interface: plane waves, PBE+U, in a process of its own."""

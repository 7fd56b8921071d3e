"""Entry sets: read, computed, checked, frozen and hashed."""

"""What it means: pure functions of arrays."""

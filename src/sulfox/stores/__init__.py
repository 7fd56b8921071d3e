"""Where it stays: job store, trajectory archive, queries."""

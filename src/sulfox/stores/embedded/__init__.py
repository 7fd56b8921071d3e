"""The embedded store: one folder, no server."""

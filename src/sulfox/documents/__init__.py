"""What is handed on: frozen records with a unit on every number."""

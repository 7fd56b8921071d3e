"""Which bonds form and break, and how long they live."""

"""How large a job is, and what it costs."""

"""The manager jobflow-remote: its project, its queue, what is sent back."""

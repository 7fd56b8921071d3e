"""The manager FireWorks: its files, its queue, what is sent back."""

"""In which order: jobflow jobs that wire the rooms, and how they run on one machine."""

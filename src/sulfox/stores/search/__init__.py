"""What documents can be searched by, and what answers it."""

"""Runs in several segments: their files found, surveyed, stitched and archived."""

"""A study as one file or folder: written, checked, read as it is, loaded into a store."""

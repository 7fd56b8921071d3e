"""Commands that analyse."""

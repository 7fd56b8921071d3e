"""Entry sets, pair tables and gas reduction as jobs of a study."""

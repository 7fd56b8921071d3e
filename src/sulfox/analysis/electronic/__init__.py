"""What a density of states says: band centres, gaps, alignments."""

"""Electronic structures as jobs of a study."""

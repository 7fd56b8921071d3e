"""What must hold before a study runs: here, at the database, on the cluster."""

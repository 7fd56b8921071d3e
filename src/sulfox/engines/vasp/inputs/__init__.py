"""VASP's input files from sulfox's specifications; every tag is stated here."""

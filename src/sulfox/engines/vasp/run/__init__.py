"""VASP at work: custodian, steps in folders, what ran against what was meant, documents."""

"""How it is told: documents to tables, figures and pages."""

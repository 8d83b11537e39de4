"""hcexport against a network, a disk and signals that mean it no good. ``python -m tests.faults`` prints the table."""

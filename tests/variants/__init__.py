"""What the documentation leaves open, each plausible truth as a variant of a server, and what hcexport does with it.

``python -m tests.variants`` prints the table: point, variant, what happened, and whether that is wanted.
"""

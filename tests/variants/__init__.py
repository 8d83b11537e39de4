"""What the documentation leaves open, each plausible truth as a variant of a server, and what hcexport does with it.

``python -m tests.variants [WORD]`` prints the table: point, variant, what happened, and whether that is wanted.

To add a variant: a row in ``table_reports.py``, ``table_jobs.py``, ``table_files.py`` or ``table_access.py``, with the
answers in which the server differs from ``organization.py``, which answers as documented.
"""

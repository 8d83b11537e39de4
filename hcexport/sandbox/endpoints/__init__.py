"""The endpoints: each a function from a call to an answer, gathered in ``routes.py``."""

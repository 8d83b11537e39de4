"""Everything about getting, keeping and renewing a token."""

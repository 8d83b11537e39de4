"""``hcexport wait``."""

"""Export health check reports of ArcGIS Enterprise on Kubernetes from the command line."""

__version__ = "0.1.0"

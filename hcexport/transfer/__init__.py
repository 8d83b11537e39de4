"""From a job on the server to a verified file here."""

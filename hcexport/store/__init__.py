"""What is kept on this machine: settings, credentials, the ledger of submitted jobs."""

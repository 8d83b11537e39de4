"""The organization's admin API: one session, one way to get a token, one method an endpoint."""

"""The endpoints: functions from a RequestContext to an answer, a file for each part of the API.

They read parameters and shape answers; what the organization knows is in ``world/``. ``routes.py`` gives each its path
and says how to add another.
"""

"""What is kept on this machine: settings, the exports submitted from here, reports that were read in full.

``settings`` says what can be set, ``resolution`` which value counts and where it comes from; the file they stand in is
``config_file``, and where each file lies is ``paths``. ``ledger`` and ``history`` are databases, which ``database``
opens. ``completion_cache`` may be deleted at any time.

The package knows nothing of the server, of secrets (``auth`` keeps those) and of the command line. A new setting is a
line of ``settings.Settings``; a new column is a version in the ``Schema`` of its database.
"""

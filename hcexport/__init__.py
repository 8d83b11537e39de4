"""Export health check reports of ArcGIS Enterprise on Kubernetes from the command line.

The map
=======

::

    cli/         what a user types, and the one place that prints and ends the process
      commands/    one file a command
    auth/        getting, keeping and renewing a token          (the only user of keyring)
    transfer/    from a job on the server to a verified file here
    output/      records as text, tables, JSON and CSV; progress (the only user of rich)
      reports/     report files: HTML, Markdown, JUnit, Prometheus, Nagios
    notify/      telling a monitor and a command of the user how a run ended
    doctor/      whether a run would work here, and if not, why
    schedule/    files that run a command every day: cron, systemd, Kubernetes
    health/      judging reports: healthy or not, what changed, since when; pure functions
    store/       what is kept on this machine: settings, ledger, history
    api/         the server's HTTP API: one method an endpoint  (the only user of httpx)
    models.py  api_json.py  organization.py                     the API's things as frozen values
    files.py  retry.py  times.py  redaction.py  errors.py       what everything above stands on
    sandbox/     a simulated organization; imports nothing of the client, so that no mistake is made on both sides alike

Imports lead downwards in this order and never in a circle: ``cli`` may import everything, ``auth`` and ``transfer``
know ``api`` and ``store``, ``doctor`` knows these four, ``output``, ``store`` and ``transfer`` know ``health``, ``api``
does not know ``store``, and ``errors`` knows nothing. ``tests/test_layers.py`` has the exact table and fails where it
is broken.

One invocation
==============

``hcexport export --latest 3`` from the shell to the socket, each frame with what it adds:

1. ``__main__.py``, then ``cli/__init__.py``: start
2. ``cli/boundary.py``: every error becomes a message and an exit status; signals
3. ``cli/root.py``: finds the command, and loads the module of that one only
4. ``cli/options.py``: what was typed becomes an App (``cli/app.py``), which builds each piece when it is first used
5. ``cli/commands/export.py``: decides what is to be done
6. ``transfer/submit.py``: submits once; the intent is in ``store/ledger.py`` before anything is sent
7. ``api/client.py``: the endpoint, its fields, and the model made of the answer; the token is from ``auth/sign_in.py``
8. ``api/session.py``: what an answer means (``api/responses.py``), and whether it is tried again (``retry.py``)
9. ``api/http.py``: httpx, and what its errors mean
10. ``api/network.py``: DNS, connection and TLS, with a deadline for all of them

The way back: the command hands records to ``output/printers.py``, whose columns are in ``output/records.py``.

Where a change goes
===================

================================ =====================================================================================
a command                        a file in ``cli/commands/``, a line in ``cli/__init__.py``; ``man/generate.py`` anew
an endpoint                      a method of ``api/client.py``, a model, a route in ``sandbox/routes.py``, a sample
a column                         a field in ``output/records.py``, its JSON type in ``output/json_schema.py``
an output format                 ``output/printers.py``; a report file: a module in ``output/reports/``
a setting                        a field in ``store/settings.py``; ``man/generate.py`` anew
something to remember            a version in the schema of ``store/ledger.py`` or ``store/history.py``
a way to sign in                 ``auth/sign_in.py``; a place for secrets: ``auth/secret_stores.py``
a check of the doctor            a function and its row in ``doctor/examination.py``
a failure                        a class in ``errors.py``, which also has the exit statuses
a rule of what is healthy        ``health/verdict.py``
a way for a server to misbehave  a scenario in ``sandbox/scenarios.py``, a case in ``tests/faults/``
================================ =====================================================================================
"""

__version__ = "1.0.0"

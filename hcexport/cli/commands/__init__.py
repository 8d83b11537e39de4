"""The commands, a file each, named as the command.

To add a command ``NAME``: write ``NAME.py`` here with a function ``command``, decorated with
``cli.options.app_command``, that takes an ``App`` and its own options and returns an ``Outcome``; add its line to the
table in ``cli/__init__.py`` (a test compares it with the docstring) and its tests in ``tests/cli/test_NAME.py``; then
regenerate the man pages (``python -m man.generate man``).

A command is thin: it reads its options, calls the packages below ``cli``, and says in the Outcome what to print. It
prints nothing itself, unless it prints results as they come (``app.printer``), and imports no other command.
"""

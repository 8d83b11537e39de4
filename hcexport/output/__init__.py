"""How results leave: records on standard output, progress on standard error, report files.

``records`` declares what each command prints, as ``fields``; ``printers`` writes records in each format, with
``tables`` for people. ``humanize`` writes times, durations and sizes, ``sanitize`` makes text from a server harmless,
``terminal`` says what a stream can show. ``progress`` and ``progress_bar`` show what takes time. ``reports`` makes
report files.

The package knows no server, no settings and no options: it gets values and streams. rich is imported only where a
table or a bar is drawn, because it is slow to load. A new column is a field in ``records``, a new format a function in
``printers``, a new kind of report file a module in ``reports``.
"""

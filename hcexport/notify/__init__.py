"""Who is told how a run ended: a monitor of cron jobs by ``ping``, and a command of the user's when something changed.

``events`` is pure and decides what changed, ``command`` starts the program, ``ping`` speaks to the monitor. A failure
here is the text of a warning and never an exception, because the work is done by then and its status stands. The
package knows no command of hcexport and no database: the caller hands in what the run came to and keeps the state.

How to add an event: a word in ``events.Event``, at the place of its weight, and its line in ``find_changes``.
"""

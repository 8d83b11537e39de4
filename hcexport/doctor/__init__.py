"""Whether a run would work here, and if not, why: one small function a check, in the order in which a run meets them.

The checks go the ways of a run (its settings, session, tokens and client) with a limit of their own, and change
nothing: databases are read without opening them for writing, no token is kept, and a password that was refused is not
sent. ``local`` has the checks that ask nobody, ``remote`` those that ask the server.

To add a check: a function that returns a ``Finding`` or raises the error that a run would end with, and its row in
``examination.CHECKS``. The names of the checks are relied on by scripts.
"""

from __future__ import annotations

from hcexport.doctor.examination import Check, examine

__all__ = ["Check", "examine"]

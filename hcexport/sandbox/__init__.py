"""A simulated organization on a socket of this machine: to try hcexport out, for demos and for tests.

It knows the documented API (the samples and facts of ``tests/data/``) and nothing of the client: it imports the
standard library only, because a field name that both sides shared would agree with itself even if it was wrong.

``sandbox`` starts and stops it, ``server`` has the sockets, ``application`` takes a request through the table in
``routes``, the access check in ``context`` and the functions in ``endpoints/``, which answer from ``world/``: what the
organization knows. ``scenarios`` and ``faults`` make it misbehave. A new endpoint begins in ``routes``, a new way to
misbehave in ``scenarios``, a change to the reports of the past in ``world/history``; each says how.
"""

from hcexport.sandbox.sandbox import Sandbox
from hcexport.sandbox.scenarios import SCENARIOS

__all__ = ["SCENARIOS", "Sandbox"]

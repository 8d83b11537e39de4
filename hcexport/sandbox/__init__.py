"""A simulated organization, for trying out, demos and tests.

It shares nothing with the client: a field name that is wrong on both sides would agree with itself. Its truth are the
documented samples in ``tests/data/``. To see what it answers, begin at ``routes.py``.
"""

from hcexport.sandbox.sandbox import Sandbox
from hcexport.sandbox.scenarios import SCENARIOS

__all__ = ["SCENARIOS", "Sandbox"]

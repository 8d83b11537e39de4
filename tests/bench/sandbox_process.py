"""Sandboxes as a process: how many and their options as JSON in, a line for each with URL and token out."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack

from hcexport.sandbox import Sandbox

count, options = json.loads(sys.argv[1])
with ExitStack() as stack:
    for _ in range(count):
        box = stack.enter_context(Sandbox(**options))
        print(box.url, box.new_token(seconds=86400), flush=True)
    sys.stdin.read()  # ends with the process that started this, whatever ends it

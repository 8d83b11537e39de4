"""A sandbox as a process of its own: options as JSON in, its URL and a token out."""

from __future__ import annotations

import json
import signal
import sys

from hcexport.sandbox import Sandbox

with Sandbox(**json.loads(sys.argv[1])) as box:
    print(box.url, box.new_token(seconds=86400), flush=True)
    signal.pause()

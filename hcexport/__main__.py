"""The ``hcexport`` script, and ``python -m hcexport``."""

from __future__ import annotations

import signal


def main() -> None:
    """Start. Until the boundary's own handlers stand, Ctrl-C ends the process without a word, and so no traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from hcexport.cli import main as run  # noqa: PLC0415 # start-up

    run()


if __name__ == "__main__":
    main()

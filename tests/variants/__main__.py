"""``python -m tests.variants [WORD]``: run the table, or the rows that hold a word, and print what happened."""

from __future__ import annotations

import sys
import time

from .case import Runner
from .table import TABLE


def main() -> int:
    """Print a line for each variant; return 1 when anything was not as wanted."""
    word, began, runner = "".join(sys.argv[1:2]), time.monotonic(), Runner()
    rows = [(variant, runner.submit(variant)) for variant in TABLE if word in str(variant)]
    wrong = 0
    for variant, future in rows:
        result = future.result()
        wrong += bool(result.unwanted)
        print(
            f"{variant.point:12} {variant.name:44} {result.happened[:100]:100}", "; ".join(result.unwanted) or "wanted"
        )
    runner.close()
    print(f"{len(rows)} variants, {wrong} not as wanted, in {time.monotonic() - began:.0f} s")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

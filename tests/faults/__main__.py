"""``python -m tests.faults``: the table of faults and violations; ``--kills N``: the kill loop."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from .case import Campaign, Case, State
from .table import TABLE


def main() -> None:
    """Print what was asked for; end with 1 when anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, metavar="N", help="kill N runs at random moments instead")
    given = parser.parse_args()
    if given.kills:
        from .kills import print_kills

        sys.exit(print_kills(given.kills))
    sys.exit(print_table())


def print_table() -> int:
    """Every fault in every state, hcexport's violations and the control's beside them."""
    campaign, began = Campaign(), time.monotonic()
    cases = [Case(fault, state) for fault in TABLE for state in State]
    ours = [(case, campaign.submit(case)) for case in cases]
    control = [(case, campaign.submit(case, "naive")) for case in cases]
    found = {case: list(future.result().violations(case.fault.ends)) for case, future in ours}
    theirs = {case: list(future.result().file_violations()) for case, future in control}
    campaign.close()
    for case, violations in found.items():
        for violation in violations:
            print(f"{case}: {violation}")
    _print_by_kind(found, theirs)
    print(f"{len(cases)} cases in {time.monotonic() - began:.0f} s")
    return int(any(found.values()))


def _print_by_kind(found: dict[Case, list[str]], theirs: dict[Case, list[str]]) -> None:
    rows, cases = Counter(fault.kind for fault in TABLE), Counter(case.fault.kind for case in found)
    ours, control = (Counter(case.fault.kind for case, said in each.items() if said) for each in (found, theirs))
    print(f"{'kind':12} {'faults':>6} {'cases':>6} {'violations':>10} {'control':>8}")
    for kind in rows:
        print(f"{kind:12} {rows[kind]:6} {cases[kind]:6} {ours[kind]:10} {control[kind]:8}")
    print(f"{'all':12} {rows.total():6} {cases.total():6} {ours.total():10} {control.total():8}")
    failed = {case.fault.name for case, said in theirs.items() if said}
    print(f"the control fails {len(failed)} of {rows.total()} faults in at least one state")


if __name__ == "__main__":
    main()

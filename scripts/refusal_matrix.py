"""Print what the connector makes of each answer at each endpoint, as a Markdown table: `make matrix`."""

from __future__ import annotations

import logging
import sys
from contextlib import ExitStack

from integration_tests.refusals import CELLS, Account, Finding, Place, examine, laboratory

HEAD = """\
| Endpoint | Answer | Status | Exit | Gaps | Others exact | Requests of the next syncs | Union exact |
|---|---|---|---|---|---|---|---|"""


def line_of(finding: Finding) -> str:
    """Return a row of the table."""
    cell, first = finding.cell, finding.first
    statuses = sorted({f"{first.status(name)} {first.errors.get(name, '')}".strip() for name in cell.place.fields})
    gaps = sorted({f"{gap['object_type']} {gap['meaning']}" for gap in first.gaps})
    cells = (
        f"`{cell.place.path}`",
        f"{'every object: ' if cell.of_all else ''}{cell.answer}",
        " / ".join(statuses),
        str(first.exit_code),
        ", ".join(gaps) or "none",
        "yes" if finding.others_are_exact else "NO",
        ", ".join(str(read.requests) for read in finding.later) or "no state",
        "yes" if finding.union_is_exact else "NO",
    )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print the table, then what is wrong; words on the command line choose among the cells' names."""
    wrong: list[str] = []
    logging.getLogger().handlers.clear()  # the table only
    print(HEAD)
    with laboratory(), ExitStack() as stack:
        accounts: dict[str, Account] = {}

        def account_of(place: Place) -> Account:
            name = repr(place.options)
            if name not in accounts:
                accounts[name] = stack.enter_context(Account(**place.options))
            return accounts[name]

        for cell in CELLS:
            if not all(word in cell.name for word in sys.argv[1:]):
                continue
            finding = examine(cell, account_of(cell.place))
            print(line_of(finding), flush=True)
            wrong += [f"{cell.name}: {sentence}" for sentence in finding.wrong]
    print(*(f"\n{sentence}" for sentence in wrong), file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())

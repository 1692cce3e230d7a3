"""What the pipeline costs, as the model of ``pipeline/costs.py`` has it: ``python -m bench.cost [--json]``.

With ``--json`` the last line is one JSON object: US dollars a month of each idle environment, and for a million orders,
of the pipeline and of the naive design.
"""

import json
import sys

from pipeline import costs, documents, workload


def main() -> int:
    """Print the bills."""
    idle = {name: costs.idle(documents.recording(name)) for name in documents.ENVIRONMENTS}
    order = workload.order(documents.recording("prod"))
    ours, naive = costs.million_orders(order), costs.naive_million_orders(order)
    bills = {
        **{f"idle, {name}": bill for name, bill in idle.items()},
        "a million orders": ours,
        "a million orders, naive design": naive,
    }
    print(f"List prices of us-east-1 of {costs.DATED}, US dollars a month, without free tiers and storage")
    for name, bill in bills.items():
        print(f"{name}: {costs.total(bill):.2f}")
        for item in sorted(bill, key=lambda item: -item.usd):
            print(f"  {item.usd:>10.2f}  {item.what}")
    if "--json" in sys.argv:
        document = {
            "idle": {name: round(costs.total(bill), 2) for name, bill in idle.items()},
            "million_orders": round(costs.total(ours), 2),
            "naive_million_orders": round(costs.total(naive), 2),
            "ratio": round(costs.total(naive) / costs.total(ours), 1),
            "prices_of": costs.DATED,
        }
        print(json.dumps(document))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What every measurement prints: a table of ratios to its baseline, and one JSON object in the last line."""

import json
from collections.abc import Mapping
from typing import Any


def tell(as_json: bool, baseline: str, ratios: Mapping[str, float], **figures: Any) -> None:
    """Print the ratios.

    Args:
        as_json: print them as one JSON object in the last line, too.
        baseline: what has the ratio 1.
        ratios: by what they are of.
        figures: what else the object holds.
    """
    print(f"Ratios to {baseline}:")
    width = max(map(len, ratios), default=0)
    for name, ratio in ratios.items():
        print(f"  {name:<{width}}  {ratio:8.2f}")
    if as_json:
        rounded = {name: round(ratio, 3) for name, ratio in ratios.items()}
        print(json.dumps({"baseline": baseline, "ratios": rounded, **figures}))

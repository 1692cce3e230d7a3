"""Token buckets: throttling by stage and method, by usage plan and key."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass


@dataclass
class _Bucket:
    tokens: float
    filled_at: float


class Throttle:
    """Token buckets by key; rate in requests per second of AWS's time, burst the bucket's size.

    ``scale`` is how many seconds of AWS's time pass in one real second.
    """

    def __init__(self, scale: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._scale = scale
        self._monotonic = monotonic
        self._buckets: dict[Hashable, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key: Hashable, rate: float, burst: int) -> bool:
        """Take a token from a bucket; False when it is empty."""
        now = self._monotonic()
        with self._lock:
            bucket = self._buckets.setdefault(key, _Bucket(burst, now))
            refill = (now - bucket.filled_at) * self._scale() * rate
            bucket.tokens = min(float(burst), bucket.tokens + refill)
            bucket.filled_at = now
            if bucket.tokens < 1:
                return False
            bucket.tokens -= 1
            return True

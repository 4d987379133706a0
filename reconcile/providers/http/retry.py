"""When a failed attempt is made again, and how many such attempts all calls of a run may make together."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from reconcile.errors import ErrorClass, ProviderError, ProviderUnavailable, RateLimited


class RetryBudget:
    """Tokens that retries cost: each first attempt earns a share of one, so that an outage cannot multiply traffic.

    One budget is shared by everything that calls one provider in a run. Over a run, attempts ≤ (1 + *share*) × first
    attempts + *reserve* + *bonus*. The *bonus* comes with the first answer: a provider that gives none, such as one
    that is being probed, is not asked twice.
    """

    def __init__(self, *, share: float = 0.1, reserve: float = 0.0, bonus: float = 1.0, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._tokens = reserve
        self._bonus = bonus

    def earn(self) -> None:
        """Note a first attempt."""
        self._tokens = min(self._tokens + self._share, max(self._tokens, self._most))

    def note_answer(self) -> None:
        """Note that the provider has answered."""
        self._tokens += self._bonus
        self._bonus = 0.0

    def spend(self) -> bool:
        """Take one retry out, or return False if there is none."""
        # Ten times a tenth is a little less than one.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often and how soon. All calls of this program read, so each may be repeated."""

    attempts: int = 3
    attempt_timeout: timedelta = timedelta(seconds=10)
    base: timedelta = timedelta(milliseconds=250)
    longest: timedelta = timedelta(seconds=2)
    """Of a pause between attempts; also of a ``Retry-After`` that is waited for, once, rather than handed up."""

    def pause(self, error: ProviderError, *, attempt: int, random: Callable[[], float]) -> timedelta | None:
        """Return how long to wait before the attempt that follows number *attempt*, or None to give up.

        Full jitter: a uniform share of the exponential step, so that callers who failed together return apart.
        """
        if attempt >= self.attempts:
            return None
        step = min(self.base * (1 << min(attempt - 1, 16)), self.longest)
        match error:
            case RateLimited():
                return (
                    error.retry_after + step * random() if attempt == 1 and error.retry_after <= self.longest else None
                )
            case _ if error.error_class is ErrorClass.UNDECODABLE:
                return step * random() if attempt == 1 else None
            case ProviderUnavailable():
                return step * random()
            case _:
                return None

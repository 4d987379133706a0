"""When a failed attempt is retried, and how many retries all calls of a run may make."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from reconcile.errors import ErrorClass, ProviderError, ProviderUnavailable, RateLimited


class RetryBudget:
    """Tokens for retries: each first attempt earns *share* of a token, so that an outage cannot multiply traffic.

    All calls to one provider in a run share one budget. Over a run, attempts ≤ (1 + *share*) × first attempts +
    *reserve* + *bonus*. The *bonus* is granted with the first response, so that a provider without any response, such
    as during a probe, gets no retries.
    """

    def __init__(self, *, share: float = 0.1, reserve: float = 0.0, bonus: float = 1.0, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._tokens = reserve
        self._bonus = bonus

    def earn(self) -> None:
        """Add the share of a token that a first attempt earns."""
        self._tokens = min(self._tokens + self._share, max(self._tokens, self._most))

    def note_answer(self) -> None:
        """Add the bonus, at the provider's first response."""
        self._tokens += self._bonus
        self._bonus = 0.0

    def spend(self) -> bool:
        """Take a token for one retry; return False if there is none."""
        # Ten times 0.1 is slightly less than 1.
        if self._tokens < 1.0 - 1e-9:
            return False
        self._tokens -= 1.0
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Number and delay of retries. All calls only read, so each may be repeated."""

    attempts: int = 3
    attempt_timeout: timedelta = timedelta(seconds=10)
    base: timedelta = timedelta(milliseconds=250)
    longest: timedelta = timedelta(seconds=2)
    """The longest delay between attempts, and the longest ``Retry-After`` that is waited for (once)."""

    def pause(self, error: ProviderError, *, attempt: int, random: Callable[[], float]) -> timedelta | None:
        """Return the delay before the attempt after number *attempt*; None for no further attempt.

        Full jitter: a uniform share of the exponential step, so that calls that failed together are spread.
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

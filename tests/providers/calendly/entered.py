"""What every test of Calendly finds: one user."""

from collections.abc import Callable

from reconcile.domain.credential import Credential
from reconcile.domain.ids import ProviderName
from reconcile.simulator import SubscriptionPlan, World
from tests.providers.arena import credential

USER = "UserOfTheWorkspace"
TOKEN = "canary-of-calendly"
NAME = ProviderName.CALENDLY
ACCOUNT = f"https://api.calendly.com/users/{USER}"
EVENT_URI = "https://api.calendly.com/scheduled_events/{}"


def enter(
    *, account: str | None = ACCOUNT, plan: SubscriptionPlan = SubscriptionPlan.PAID
) -> Callable[[World], Credential]:
    """Return what registers the workspace's user, stored as *account*."""

    def register(world: World) -> Credential:
        world.calendly.add_user(id=USER, token=TOKEN, plan=plan)
        return credential(NAME, TOKEN, account)

    return register

"""What every test of GHL finds: one location, and one contact in it."""

from reconcile.domain.credential import Credential
from reconcile.domain.ids import ProviderName
from reconcile.simulator import World
from tests.providers.arena import credential

LOCATION = "LocationOfTheWorkspace"
TOKEN = "pit-canary-of-ghl"
CONTACT = "ContactOfAnn"
NAME = ProviderName.HIGHLEVEL


def enter(world: World) -> Credential:
    """Open the workspace's location and a contact in it."""
    world.ghl.add_location(id=LOCATION, token=TOKEN, time_zone="America/New_York")
    world.ghl.add_contact(LOCATION, id=CONTACT, email="Ann@Example.com")
    return credential(NAME, TOKEN, LOCATION)

"""The simulated company in its database: the generated records as leads."""

from datetime import datetime

from reconcile import bootstrap
from reconcile.bootstrap import setup
from reconcile.domain.appointment import AppointmentStatus
from reconcile.domain.credential import Credential, Token
from reconcile.domain.ids import LeadId, ProviderName, WorkspaceId
from reconcile.domain.lead import Lead, LeadStatus, Rollup
from reconcile.domain.workspace import Workspace
from reconcile.simulator import Api, GeneratedLead, GeneratedWorkspace, World
from reconcile.simulator.generation.company_sql import fill_script, tables_script

_PROVIDERS = {Api.GHL: ProviderName.HIGHLEVEL, Api.CALENDLY: ProviderName.CALENDLY}
CALENDLY_USERS = "https://api.calendly.com/users/"


async def enter(url: str, world: World) -> None:
    """Insert all of *world* into the migrated database at *url*."""
    await bootstrap.seed_url(
        url,
        workspaces=[workspace_of(each) for each in world.workspaces.values()],
        leads=[lead_of(each) for each in world.leads],
    )


async def enter_schema(url: str, world: World, *, schema: str, now: datetime) -> None:
    """Create the tables of *schema* in the empty PostgreSQL database at *url*, and insert all of *world*."""
    filled = fill_script(schema, workspaces=world.workspaces.values(), leads=world.leads, now=now)
    await setup.execute_script(url, f"{tables_script(schema)}\n{filled}")


def workspace_of(generated: GeneratedWorkspace) -> Workspace:
    """Return the workspace with its tokens."""
    return Workspace(
        id=WorkspaceId(generated.id),
        timezone=generated.time_zone,
        credentials={
            ProviderName.HIGHLEVEL: Credential(
                provider=ProviderName.HIGHLEVEL,
                token=Token.parse(generated.location_token, where="simulator"),
                account=generated.location_id,
            ),
            ProviderName.CALENDLY: Credential(
                provider=ProviderName.CALENDLY,
                token=Token.parse(generated.calendly_token, where="simulator"),
                account=CALENDLY_USERS + generated.calendly_user_id,
            ),
        },
    )


def lead_of(generated: GeneratedLead, *, in_sequence: bool = True) -> Lead:
    """Return the lead as it is before the first run; it is in a sequence, so it is due every minute."""
    stored = generated.stored
    rollup = Rollup()
    if stored is not None:
        rollup = Rollup(
            booking_id=stored.id,
            provider=_PROVIDERS[generated.api],
            status=AppointmentStatus(stored.status),
            starts_at=stored.starts_at,
            ends_at=stored.ends_at,
        )
    is_booked = rollup.status is AppointmentStatus.CONFIRMED
    return Lead(
        id=LeadId(generated.id),
        workspace_id=WorkspaceId(generated.workspace_id),
        email=generated.email,
        contact_id=generated.contact_id,
        status=LeadStatus.MEETING_BOOKED if is_booked else LeadStatus.QUALIFIED,
        rollup=rollup,
        in_sequence=in_sequence,
    )

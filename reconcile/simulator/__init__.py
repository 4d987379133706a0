"""Both calendar providers as a local server with switchable faults."""

from reconcile.simulator.faults.fault import Fault, FaultRefused, ShareUnit, incident
from reconcile.simulator.faults.kinds import FaultKind
from reconcile.simulator.generation.leads import Booking, GeneratedLead, GeneratedWorkspace
from reconcile.simulator.generation.scenarios import Scenario
from reconcile.simulator.records import SubscriptionPlan
from reconcile.simulator.server import Simulator, serve, simulate
from reconcile.simulator.wire import Api, ApiOperation
from reconcile.simulator.world import World, WorldSize

__all__ = [
    "Api",
    "ApiOperation",
    "Booking",
    "Fault",
    "FaultKind",
    "FaultRefused",
    "GeneratedLead",
    "GeneratedWorkspace",
    "Scenario",
    "ShareUnit",
    "Simulator",
    "SubscriptionPlan",
    "World",
    "WorldSize",
    "incident",
    "serve",
    "simulate",
]

"""Makes the controls that decide on a suspected party: a few other look-ups, while the party's calls wait.

The rule is in ``domain/breaker/control.py``. The answer to a control is used for nothing else.
"""

import asyncio
import math
from collections import Counter
from itertools import islice

from reconcile.domain.breaker.breaker import BreakerKey
from reconcile.domain.breaker.control import WEIGHT_OF_CHANGE, Control, ControlsLeft, Suspect
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.window import Fault, SuspectOutcome
from reconcile.domain.evidence.evidence import lost_booking
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import LeadId
from reconcile.domain.lead import Lead
from reconcile.domain.planning.change import Answer
from reconcile.domain.planning.outcome import SkipReason
from reconcile.domain.workspace import Workspace
from reconcile.errors import OutOfTime, ProviderError, RateLimited
from reconcile.ports import Provider
from reconcile.redaction import bug_named
from reconcile.services.lookup.context import LookupContext
from reconcile.services.lookup.control_pool import ControlCandidate, ControlPool
from reconcile.services.lookup.limits.rate_reservation import RateReservation

_SAMPLE_SIZE = 20
_STALL_SECONDS = 1.0
"""Once a control has succeeded, the next round starts although others have been in flight for this long."""


async def wait_for_decision(key: BreakerKey, pool: ControlPool) -> None:
    """Wait until it is decided whether a suspected party is to blame."""
    decided = pool.decisions.get(key)
    await (decided.wait() if decided is not None else asyncio.sleep(0))


async def decide_suspects(pool: ControlPool, *, registry: BreakerRegistry, context: LookupContext) -> None:
    """Make the controls of suspected parties for which no other task makes them."""
    while (key := next((each for each in registry.suspects if each not in pool.decisions), None)) is not None:
        decided = pool.decisions[key] = asyncio.Event()
        try:
            await _decide(key, decided, pool, registry=registry, context=context)
        finally:
            if key in registry.suspects and decided is pool.decisions.get(key):
                registry.answer_controls(key, (), context.clock.now(), left=ControlsLeft.NO_TIME)
            pool.end_decision(key, decided)


async def _decide(
    key: BreakerKey, decided: asyncio.Event, pool: ControlPool, *, registry: BreakerRegistry, context: LookupContext
) -> None:
    """Make rounds of controls until the party is decided on; the next round starts while stalled controls continue.

    Once the party is cleared, its other calls stop waiting.
    """
    asked: set[asyncio.Task[Control | None]] = set()
    wants_round = True
    async with asyncio.TaskGroup() as group:
        while (suspect := _undecided(key, decided, registry)) is not None or asked:
            fresh: list[ControlCandidate] = []
            if suspect is not None and wants_round and context.time.takes_work():
                fresh = await _candidates(suspect, pool, registry=registry, context=context)
                pool.used.update((key, _party(suspect, each)) for each in fresh)
                asked |= {group.create_task(_look_up(each, suspect, pool, context=context)) for each in fresh}
            if not asked:
                left = ControlsLeft.NONE if context.time.takes_work() else ControlsLeft.NO_TIME
                registry.answer_controls(key, (), context.clock.now(), left=left)
                continue
            may_grow = suspect is not None and suspect.may_grow(len(asked)) and (bool(fresh) or not wants_round)
            patience = _STALL_SECONDS if may_grow else None
            ended, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=patience)
            wants_round = not (ended and asked)
            controls = [control for task in ended if (control := task.result()) is not None]
            if ended:
                now = context.clock.now()
                registry.answer_controls(key, controls, now, left=ControlsLeft.MORE, pending=len(asked))
            if suspect is not None and key not in registry.suspects:
                if not suspect.is_workspace and registry.is_cleared(suspect.lookup):
                    pool.on_cleared(suspect.lookup.provider)
                pool.end_decision(key, decided)


def _undecided(key: BreakerKey, decided: asyncio.Event, registry: BreakerRegistry) -> Suspect | None:
    return None if decided.is_set() else registry.suspects.get(key)


def _party(suspect: Suspect, candidate: ControlCandidate) -> str:
    """Return what the control counts for: its workspace, or its lead if the workspace is suspected."""
    return candidate.lead.id if suspect.is_workspace else candidate.workspace.id


async def _candidates(
    suspect: Suspect, pool: ControlPool, *, registry: BreakerRegistry, context: LookupContext
) -> list[ControlCandidate]:
    """Return the next round of controls.

    The first is a look-up that succeeded earlier in the run. Then come as many as would decide if all of them failed,
    from workspaces without a look-up in this run: an earlier success only shows whether something has changed. Earlier
    successes fill up a round once one of them has failed, and if no other candidate is left.
    """
    random = context.random

    def is_free(candidate: ControlCandidate) -> bool:
        party = _party(suspect, candidate)
        is_known = not candidate.was_successful and party in suspect.earlier
        return (suspect.decision.key, party) not in pool.used and not is_known

    if suspect.is_majority:  # does the workspace fail, or only its first records?
        others = [
            each for each in (*pool.pending_leads(suspect, random), *pool.earlier_successes(suspect)) if is_free(each)
        ]
        failing = [each for each in others if each.workspace.id in suspect.votes.failing]
        random.shuffle(failing)
        return failing[: suspect.wanted_count]
    successes = [each for each in pool.earlier_successes(suspect) if is_free(each)]
    if successes and (suspect.is_first or suspect.is_cleared):
        return [random.choice(_prefer_healthy(successes, pool, suspect))]
    wanted = suspect.wanted_count
    chosen = successes[: math.ceil(wanted / WEIGHT_OF_CHANGE)] if suspect.weighs_changes else successes[:1]
    left = max(0, wanted - sum(each.weight for each in chosen)) if suspect.weighs_changes else wanted
    is_wide = not suspect.is_workspace
    fresh = await _unvisited_candidates(suspect, left, pool, registry=registry, context=context) if is_wide else []
    taken = {_party(suspect, each) for each in (*chosen, *fresh)}
    taken |= set() if suspect.is_workspace else suspect.votes.healthy  # they already succeeded
    found = pool.pending_leads(suspect, random)
    pending = [each for each in found if is_free(each) and _party(suspect, each) not in taken]
    random.shuffle(pending)
    pending.sort(key=lambda each: each.workspace.id in suspect.votes.failing)
    return [*chosen, *fresh, *pending[: left - len(fresh)]]


def _prefer_healthy(successes: list[ControlCandidate], pool: ControlPool, suspect: Suspect) -> list[ControlCandidate]:
    healthy = [each for each in successes if (suspect.lookup.provider, each.workspace.id) not in pool.failing]
    return healthy or successes


async def _unvisited_candidates(
    suspect: Suspect, count: int, pool: ControlPool, *, registry: BreakerRegistry, context: LookupContext
) -> list[ControlCandidate]:
    """Return up to *count* leads of workspaces that this run has not visited yet, chosen at random."""
    provider, now = suspect.lookup.provider, context.clock.now()
    troubled = registry.troubled_workspaces()
    unvisited = [
        each
        for each in pool.workspaces
        if provider in each.credentials
        and each.id not in pool.visited
        and each.id not in troubled
        and each.id not in suspect.earlier
        and (suspect.decision.key, each.id) not in pool.used
        and (each.not_before is None or each.not_before <= now)
    ]
    context.random.shuffle(unvisited)
    found: list[ControlCandidate] = []
    for workspace in islice(unvisited, 2 * count):
        if len(found) == count:
            break
        if leads := await _leads_of(workspace, suspect.lookup, context=context):
            lead, is_only = context.random.choice(leads), len(leads) == 1  # the first leads may share a fault
            found.append(ControlCandidate(lead=lead, workspace=workspace, was_successful=False, is_only=is_only))
    return found


async def _leads_of(workspace: Workspace, lookup: Lookup, *, context: LookupContext) -> list[Lead]:
    """Return due leads that have the same look-up and did not fail before."""
    after = LeadId("") if context.whole_set else None
    leads = await context.due_leads(workspace.id, limit=_SAMPLE_SIZE, after=after)
    provider = context.providers[lookup.provider]
    return [each for each in leads if not each.state.failure_count and provider.lookup(each, workspace) == lookup]


async def _look_up(
    candidate: ControlCandidate, suspect: Suspect, pool: ControlPool, *, context: LookupContext
) -> Control | None:
    """Make one control; return None if it showed nothing."""
    workspace, provider = candidate.workspace, suspect.lookup.provider
    # A batch in progress settles the usage of its account, including controls.
    reservation = None if pool.active[workspace.id] else RateReservation(workspace, context=context)
    if reservation is not None:
        await reservation.reserve(Counter({provider: 1}))
        if not reservation.spend([suspect.lookup]):
            return None
    fault: Fault = None
    try:
        answer = await _answer(candidate, context.providers[provider], deadline=context.time.deadline)
        if not isinstance(answer, Answer):
            return None
        if lost_booking(candidate.lead, answer):
            fault = SuspectOutcome.ABSENT
    except (RateLimited, OutOfTime):
        return None
    except ProviderError as error:
        fault = error.error_class
    except Exception as error:  # noqa: BLE001 - as in a look-up: decision 0004
        context.warnings.warn("internal_error", where=bug_named(error))
        return None
    finally:
        if reservation is not None:
            await reservation.settle()
    if fault is None:
        pool.on_answer(provider)
        pool.successful[suspect.lookup][workspace.id] = (candidate.lead, workspace)
    party = _party(suspect, candidate)
    return Control(party=party, fault=fault, was_successful=candidate.was_successful, is_only=candidate.is_only)


async def _answer(candidate: ControlCandidate, provider: Provider, *, deadline: float) -> Answer | SkipReason:
    lookup = provider.lookup(candidate.lead, candidate.workspace)
    if isinstance(lookup, SkipReason):
        return lookup
    return await provider.answer(candidate.lead, lookup, candidate.workspace, deadline=deadline)

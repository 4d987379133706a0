"""Looks up one lead and plans its change; writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.attribution import RECORD_FAULTS
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.window import SuspectOutcome
from reconcile.domain.evidence.booking_reference import provider_of
from reconcile.domain.evidence.evidence import lost_booking, stored_booking
from reconcile.domain.evidence.lookup import Lookup
from reconcile.domain.ids import ProviderName
from reconcile.domain.lead import Lead, LeadState
from reconcile.domain.planning.change import Answer, Unverified
from reconcile.domain.planning.outcome import DeferReason, ErrorSignature, Outcome, SkipReason
from reconcile.domain.planning.plan import Plan, plan
from reconcile.domain.workspace import Workspace
from reconcile.errors import ErrorClass, OutOfTime, ProviderError, RateLimited
from reconcile.ports import Provider
from reconcile.redaction import bug_named
from reconcile.services.lookup.admission import AdmittedCall, CallAdmission, admit
from reconcile.services.lookup.context import LookupContext


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadCheck:
    """The result of checking one lead, before anything is written."""

    lead: Lead
    outcome: Outcome
    lookup: Lookup | None = None
    answer: Answer | None = None
    plan: Plan | None = None
    reason: SkipReason | DeferReason | None = None
    signature: ErrorSignature | None = None
    retry_after: timedelta | None = None
    seen_at: datetime | None = None
    """When the provider named the lead's booking absent, by the database's clock."""
    asked: tuple[ProviderName, ...] = ()
    """The providers whose answers were merged; empty without an answer."""
    number: int = 0
    """The number under which its look-up was admitted, 0 for none."""

    def as_deferred(self, reason: DeferReason) -> "LeadCheck":
        """Return the same lead left for a later run."""
        return replace(self, outcome=Outcome.DEFERRED, plan=None, reason=reason, signature=None)


def failed_read(lead: Lead, fault: str) -> LeadCheck:
    """Return the failure of a lead whose rows hold an unreadable value; it is not looked up."""
    signature = ErrorSignature(
        provider="database", operation="read", error_class=ErrorClass.UNREADABLE_ROW, message=fault
    )
    return LeadCheck(lead=lead, outcome=Outcome.FAILED, signature=signature)


def lookups(
    lead: Lead, workspace: Workspace, providers: Mapping[ProviderName, Provider], *, now: datetime | None = None
) -> Sequence[Lookup] | SkipReason:
    """Return the look-ups for *lead*: at the provider of its booking, else at every provider that may know of it.

    With *now*, a booking that was called off or is over is looked up first, and the other providers are searched for a
    new one.
    """
    if not workspace.credentials:
        return SkipReason.NOT_CONFIGURED
    if lead.rollup.is_foreign:
        # Its id may look like a provider's: a look-up would answer "not found", and the booking would be canceled.
        return SkipReason.UNREADABLE_BOOKING_ID
    owner = lead.rollup.provider or (provider_of(lead.rollup.booking_id) if lead.rollup.booking_id else None)
    if lead.rollup.booking_id and owner is None:
        return SkipReason.UNREADABLE_BOOKING_ID
    names = sorted(workspace.credentials)
    if lead.rollup.booking_id and owner:
        others = [each for each in names if each is not owner]
        names = [owner, *others] if now is not None and lead.rollup.is_past(now) else [owner]
    results = [providers[name].lookup(lead, workspace) for name in names]
    found = [each for each in results if isinstance(each, Lookup)]
    return found or next(each for each in results if isinstance(each, SkipReason))


async def check_lead(
    lead: Lead, workspace: Workspace, wanted: Sequence[Lookup], *, context: LookupContext, admission: CallAdmission
) -> LeadCheck:
    """Look up *lead* and plan its change; every expected failure becomes an outcome.

    If one of two providers does not answer, a booking that the other one shows is written. That it shows none decides
    nothing.
    """
    now = context.clock.now()
    has_booking = stored_booking(lead) is not None
    if has_booking and _is_disturbed(workspace, wanted, now, admission.registry):
        wanted = wanted[:1]  # the search for a new booking can wait, and a probe is to be one look-up
    if len(wanted) > 1 and any(admission.registry.refuses(workspace.id, lookup, now) for lookup in wanted):
        # A search that cannot be completed would be repeated each minute, and take calls from the other provider.
        return LeadCheck(lead=lead, outcome=Outcome.DEFERRED, lookup=wanted[0], reason=DeferReason.BREAKER)
    answers: dict[Lookup, Answer] = {}
    failures: list[LeadCheck] = []
    skipped: SkipReason | None = None
    for lookup in wanted:
        result = await _look_up(lead, workspace, lookup, context=context, admission=admission)
        if isinstance(result, LeadCheck):
            failures.append(result)
            if has_booking:
                break  # without an answer about the booking, nothing is searched for beside it
        elif isinstance(result, SkipReason):
            skipped = result
        else:
            answers[lookup] = result
    if not answers and not failures:
        return LeadCheck(lead=lead, outcome=Outcome.SKIPPED, lookup=wanted[0], reason=skipped)
    if not answers:
        return _worst(failures)
    is_complete = not failures and (has_booking or skipped in {None, SkipReason.CONTACT_NOT_FOUND})
    answer = merge_answers(list(answers.values()), is_complete=is_complete, preferred=workspace.preferred)
    checked = plan_answer(lead, answer, next(iter(answers)), context=context, registry=admission.registry)
    await admission.breakers.save()
    if failures and checked.outcome.is_answered and not _shows_booking(checked):
        return _worst(failures)
    failed = {each.lookup for each in failures}
    asked = tuple(each.provider for each in wanted if each not in failed)
    return replace(checked, lookup=_lookup_of_owner(checked, answers), asked=asked)


def _is_disturbed(workspace: Workspace, wanted: Sequence[Lookup], now: datetime, registry: BreakerRegistry) -> bool:
    """Return whether a breaker on the way of one of these look-ups is open or is probed."""
    return any(
        registry.refuses(workspace.id, each, now) or not registry.may_sweep(workspace.id, each.provider, now)
        for each in wanted
    )


def _worst(failures: Sequence[LeadCheck]) -> LeadCheck:
    return next((each for each in failures if each.outcome is Outcome.FAILED), failures[0])


def _shows_booking(checked: LeadCheck) -> bool:
    """Return whether the lead's booking changes."""
    change = checked.plan.change if checked.plan is not None else None
    return change is not None and change.rollup != checked.lead.rollup


def _lookup_of_owner(checked: LeadCheck, answers: Iterable[Lookup]) -> Lookup | None:
    """Return the look-up whose provider has the booking that is written, else the first one."""
    change = checked.plan.change if checked.plan is not None else None
    owner = change.rollup.provider if change is not None else None
    return next((each for each in answers if each.provider is owner), checked.lookup)


def plan_answer(
    lead: Lead, answer: Answer, lookup: Lookup, *, context: LookupContext, registry: BreakerRegistry
) -> LeadCheck:
    """Plan the change that follows from *answer*."""
    now = context.clock.now()
    try:
        planned = plan(lead, answer, now=now)
    except Exception as error:  # noqa: BLE001 - as in _answer
        registry.record_bug(lead.workspace_id, lookup, now)
        return _failed_by_bug(LeadCheck(lead=lead, outcome=Outcome.FAILED, lookup=lookup), error, lookup, context)
    return LeadCheck(
        lead=lead, outcome=planned.outcome, lookup=lookup, answer=answer, plan=planned, reason=planned.skip_reason
    )


async def _look_up(
    lead: Lead, workspace: Workspace, lookup: Lookup, *, context: LookupContext, admission: CallAdmission
) -> Answer | SkipReason | LeadCheck:
    undecided = LeadCheck(lead=lead, outcome=Outcome.DEFERRED, lookup=lookup)
    async with admit(workspace, lookup, admission=admission, context=context) as call:
        if isinstance(call, DeferReason):
            return undecided.as_deferred(call)
        numbered = replace(undecided, number=call.number)
        result = await _answer(numbered, workspace, lookup, call=call, context=context)
        if call.is_check:
            admission.pool.note(lead, workspace, lookup, fault=call.fault)
    return result


async def _answer(
    undecided: LeadCheck, workspace: Workspace, lookup: Lookup, *, call: AdmittedCall, context: LookupContext
) -> Answer | SkipReason | LeadCheck:
    """Make one look-up and record its result."""
    lead = undecided.lead
    try:
        result = await context.providers[lookup.provider].answer(
            lead, lookup, workspace, deadline=context.time.deadline
        )
    except OutOfTime:
        return undecided.as_deferred(DeferReason.DEADLINE)
    except RateLimited as error:
        reason = rate_limit_reason(error)
        retry_after = error.retry_after if reason is DeferReason.RATE_LIMITED else None
        return replace(undecided.as_deferred(reason), retry_after=retry_after)
    except ProviderError as error:
        signature = ErrorSignature.of(error)
        call.fail(error.error_class, is_known=is_known_failure(lead.state, signature))
        return _failed(undecided, signature)
    except Exception as error:  # noqa: BLE001 - one lead must not end the run of all customers: decision 0004
        call.fail_by_bug()
        return _failed_by_bug(undecided, error, lookup, context)
    if isinstance(result, SkipReason):
        call.answer(fault=None, is_check=False)
        return result
    context.controls.note(lead, lookup, result)
    call.answer(fault=SuspectOutcome.ABSENT if lost_booking(lead, result) else None, is_check=True)
    return result


def rate_limit_reason(error: RateLimited) -> DeferReason:
    """Return whether the provider refused the call, or the call was not made because its account had none left."""
    return DeferReason.BUDGET if error.status is None else DeferReason.RATE_LIMITED


def is_known_failure(state: LeadState, signature: ErrorSignature) -> bool:
    """Return whether a lead failed in the same way in an earlier run: its failure says nothing about others."""
    return state.failure_count > 0 and state.reason == signature.key and signature.error_class in RECORD_FAULTS


def _failed(undecided: LeadCheck, signature: ErrorSignature) -> LeadCheck:
    return replace(undecided, outcome=Outcome.FAILED, reason=None, signature=signature)


def _failed_by_bug(undecided: LeadCheck, error: Exception, lookup: Lookup, context: LookupContext) -> LeadCheck:
    where = bug_named(error)
    context.warnings.warn("internal_error", where=where)
    signature = ErrorSignature(
        provider=lookup.provider, operation=lookup.operation, error_class=ErrorClass.INTERNAL, message=where
    )
    return _failed(undecided, signature)


def merge_answers(answers: Sequence[Answer], *, is_complete: bool, preferred: ProviderName | None) -> Answer:
    """Return the answers of several providers as one; unless it *is_complete*, it does not verify the lead."""
    if len(answers) == 1 and is_complete:
        return answers[0]
    reasons = (None if is_complete else Unverified.INCOMPLETE, *(answer.unverified for answer in answers))
    return Answer(
        appointments=tuple(a for answer in answers for a in answer.appointments),
        absent=frozenset(i for answer in answers for i in answer.absent),
        contact_id=next((a.contact_id for a in answers if a.contact_id), None),
        replaces_contact=any(a.replaces_contact for a in answers),
        unverified=next(filter(None, reasons), None),
        preferred=preferred,
    )

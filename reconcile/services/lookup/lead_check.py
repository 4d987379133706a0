"""One lead: asked about, decided on, nothing written."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconcile.domain.breaker.attribution import RECORD_FAULTS
from reconcile.domain.breaker.registry import BreakerRegistry
from reconcile.domain.breaker.window import SuspectOutcome
from reconcile.domain.evidence.booking_reference import provider_of
from reconcile.domain.evidence.evidence import lost_booking
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
    """What one lead came to, before anything is written."""

    lead: Lead
    outcome: Outcome
    lookup: Lookup | None = None
    answer: Answer | None = None
    plan: Plan | None = None
    reason: SkipReason | DeferReason | None = None
    signature: ErrorSignature | None = None
    retry_after: timedelta | None = None
    seen_at: datetime | None = None
    """By the database's clock, where the provider named the lead's booking absent."""
    asked: tuple[ProviderName, ...] = ()
    """The providers whose answers were put together; of a lead that was not answered, that of *lookup* alone."""
    number: int = 0
    """In which place its look-up was let through, 0 where none was."""

    def as_deferred(self, reason: DeferReason) -> "LeadCheck":
        """Return the same lead left for a later run."""
        return replace(self, outcome=Outcome.DEFERRED, plan=None, reason=reason, signature=None)


def failed_read(lead: Lead, fault: str) -> LeadCheck:
    """Return the failure of a lead whose rows hold a value that cannot be read: nobody is asked about it."""
    signature = ErrorSignature(
        provider="database", operation="read", error_class=ErrorClass.UNREADABLE_ROW, message=fault
    )
    return LeadCheck(lead=lead, outcome=Outcome.FAILED, signature=signature)


def lookups(
    lead: Lead, workspace: Workspace, providers: Mapping[ProviderName, Provider]
) -> Sequence[Lookup] | SkipReason:
    """Return whom to ask about *lead*: its booking's owner alone, else every provider that could know of it."""
    if not workspace.credentials:
        return SkipReason.NOT_CONFIGURED
    if lead.rollup.is_foreign:
        # Its id may look like one of ours: a provider that is asked would say "not found", and that would cancel it.
        return SkipReason.UNREADABLE_BOOKING_ID
    owner = lead.rollup.provider or (provider_of(lead.rollup.booking_id) if lead.rollup.booking_id else None)
    if lead.rollup.booking_id and owner is None:
        return SkipReason.UNREADABLE_BOOKING_ID
    asked = [owner] if lead.rollup.booking_id and owner else sorted(workspace.credentials)
    verdicts = [providers[name].lookup(lead, workspace) for name in asked]
    found = [v for v in verdicts if isinstance(v, Lookup)]
    return found or next(v for v in verdicts if isinstance(v, SkipReason))


async def check_lead(
    lead: Lead, workspace: Workspace, wanted: Sequence[Lookup], *, context: LookupContext, admission: CallAdmission
) -> LeadCheck:
    """Ask the providers about *lead* and plan; every expected trouble becomes an outcome.

    Where one of two does not answer, a booking that the other one shows counts by itself. That it shows none does not.
    """
    answers: dict[Lookup, Answer] = {}
    troubles: list[LeadCheck] = []
    skipped: SkipReason | None = None
    for lookup in wanted:
        verdict = await _look_up(lead, workspace, lookup, context=context, admission=admission)
        if isinstance(verdict, LeadCheck):
            troubles.append(verdict)
        elif isinstance(verdict, SkipReason):
            skipped = verdict
        else:
            answers[lookup] = verdict
    if not answers and not troubles:
        return LeadCheck(lead=lead, outcome=Outcome.SKIPPED, lookup=wanted[0], reason=skipped)
    if not answers:
        return _worst(troubles)
    is_complete = not troubles and skipped in {None, SkipReason.CONTACT_NOT_FOUND}
    answer = _merge_answers(list(answers.values()), is_complete=is_complete)
    checked = plan_answer(lead, answer, next(iter(answers)), context=context, registry=admission.registry)
    await admission.breakers.save()
    if troubles and checked.outcome.is_answered and not _shows_booking(checked):
        return _worst(troubles)
    failed = {each.lookup for each in troubles}
    asked = tuple(each.provider for each in wanted if each not in failed)
    return replace(checked, lookup=_owning(checked, answers), asked=asked)


def _worst(troubles: Sequence[LeadCheck]) -> LeadCheck:
    return next((each for each in troubles if each.outcome is Outcome.FAILED), troubles[0])


def _shows_booking(checked: LeadCheck) -> bool:
    """Tell whether the lead gets another booking, or news of the one it has."""
    change = checked.plan.change if checked.plan is not None else None
    return change is not None and change.rollup != checked.lead.rollup


def _owning(checked: LeadCheck, answers: Iterable[Lookup]) -> Lookup | None:
    """Return the look-up whose provider has the booking that is written, else the first one."""
    change = checked.plan.change if checked.plan is not None else None
    owner = change.rollup.provider if change is not None else None
    return next((each for each in answers if each.provider is owner), checked.lookup)


def plan_answer(
    lead: Lead, answer: Answer, lookup: Lookup, *, context: LookupContext, registry: BreakerRegistry
) -> LeadCheck:
    """Plan what follows from an answer."""
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
    nothing_yet = LeadCheck(lead=lead, outcome=Outcome.DEFERRED, lookup=lookup)
    async with admit(workspace, lookup, admission=admission, context=context) as call:
        if isinstance(call, DeferReason):
            return nothing_yet.as_deferred(call)
        numbered = replace(nothing_yet, number=call.number)
        verdict = await _answer(numbered, workspace, lookup, call=call, context=context)
        if call.is_check:
            admission.pool.note(lead, workspace, lookup, fault=call.fault)
    return verdict


async def _answer(
    nothing_yet: LeadCheck, workspace: Workspace, lookup: Lookup, *, call: AdmittedCall, context: LookupContext
) -> Answer | SkipReason | LeadCheck:
    """Make one look-up and note what it came to."""
    lead = nothing_yet.lead
    try:
        verdict = await context.providers[lookup.provider].answer(
            lead, lookup, workspace, deadline=context.time.deadline
        )
    except OutOfTime:
        return nothing_yet.as_deferred(DeferReason.DEADLINE)
    except RateLimited as error:
        return replace(nothing_yet.as_deferred(DeferReason.RATE_LIMITED), retry_after=error.retry_after)
    except ProviderError as error:
        signature = ErrorSignature.of(error)
        call.fail(error.error_class, is_known=is_known_failure(lead.state, signature))
        return _failed(nothing_yet, signature)
    except Exception as error:  # noqa: BLE001 - one lead must not end the run of all customers: decision 0004
        call.fail_by_bug()
        return _failed_by_bug(nothing_yet, error, lookup, context)
    if isinstance(verdict, SkipReason):
        call.answer(fault=None, is_check=False)
        return verdict
    context.controls.note(lead, lookup, verdict)
    call.answer(fault=SuspectOutcome.ABSENT if lost_booking(lead, verdict) else None, is_check=True)
    return verdict


def is_known_failure(state: LeadState, signature: ErrorSignature) -> bool:
    """Tell whether a lead is odd, as it failed like this by itself in an earlier run: it says nothing about others."""
    return state.failure_count > 0 and state.reason == signature.key and signature.error_class in RECORD_FAULTS


def _failed(nothing_yet: LeadCheck, signature: ErrorSignature) -> LeadCheck:
    return replace(nothing_yet, outcome=Outcome.FAILED, reason=None, signature=signature)


def _failed_by_bug(nothing_yet: LeadCheck, error: Exception, lookup: Lookup, context: LookupContext) -> LeadCheck:
    where = bug_named(error)
    context.warnings.warn("internal_error", where=where)
    signature = ErrorSignature(
        provider=lookup.provider, operation=lookup.operation, error_class=ErrorClass.INTERNAL, message=where
    )
    return _failed(nothing_yet, signature)


def _merge_answers(answers: Sequence[Answer], *, is_complete: bool) -> Answer:
    if len(answers) == 1 and is_complete:
        return answers[0]
    reasons = (None if is_complete else Unverified.INCOMPLETE, *(answer.unverified for answer in answers))
    return Answer(
        appointments=tuple(a for answer in answers for a in answer.appointments),
        absent=frozenset(i for answer in answers for i in answer.absent),
        contact_id=next((a.contact_id for a in answers if a.contact_id), None),
        replaces_contact=any(a.replaces_contact for a in answers),
        unverified=next(filter(None, reasons), None),
    )

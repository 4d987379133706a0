"""The commands that continue a plan, as they are typed where they are read: in a shell, or in the log of a Job."""

from dataclasses import dataclass

from reconcile.domain.backfill.plan import BackfillPlan, PlanId, PlanState

_MOST_NAME = 57
"""Characters of a plan's name in the name of the Job that applies it, which has 63 at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlace:
    """The Job whose pod prints the view, and the release's CronJob: the reader of its log types commands elsewhere."""

    job: str
    cronjob: str
    namespace: str


def job_name(plan_id: PlanId, suffix: str) -> str:
    """Return the name of a Job for a plan."""
    return f"{plan_id[:_MOST_NAME].rstrip('-')}-{suffix}"


def next_command(plan: BackfillPlan, state: PlanState, *, shards: int, place: JobPlace | None) -> str | None:
    """Return the command that continues a plan in *state*, as it is typed at *place*; None if it is applied."""
    match state:
        case PlanState.APPLIED:
            return None
        case PlanState.PLANNING | PlanState.APPLYING if shards > 1:
            # the other shards are still at work; whichever ends last prints what comes next
            if place is None:
                return f"reconcile backfill status {plan.id}"
            return f"kubectl --namespace {place.namespace} wait --for=condition=complete job/{place.job}"
        case PlanState.HELD if plan.hash is not None:
            approved = f" --approve {plan.hash}"
        case PlanState.READY | PlanState.APPLYING:
            approved = ""
        case _:
            return typed_command(f"backfill plan --name {plan.id}", job=job_name(plan.id, "more"), place=place)
    if place is None:
        return f"reconcile backfill apply {plan.id}{approved}"
    split = f" --shards {shards}" if shards > 1 else ""
    name = job_name(plan.id, "apply")
    printed = f"reconcile backfill manifest --plan {plan.id}{approved} --name {name}{split}"
    return f"{printed} --release {place.cronjob} --namespace {place.namespace} | kubectl apply --filename -"


def typed_command(words: str, *, job: str, place: JobPlace | None) -> str:
    """Return how a command is typed: here, or as a Job of the release."""
    if place is None:
        return f"reconcile {words}"
    printed = f"reconcile job manifest --name {job} --release {place.cronjob} --namespace {place.namespace}"
    return f"{printed} -- {words} | kubectl apply --filename -"

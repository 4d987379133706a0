"""A look-up of several requests fails as a whole where any one of them fails: it is never an answer cut short."""

from collections.abc import Mapping

import pytest

from reconcile.domain.ids import Operation
from reconcile.domain.planning.change import Answer, Unverified
from reconcile.errors import ContractFault, ErrorClass, OutOfTime, ProviderUnavailable, RateLimited
from reconcile.simulator import ApiOperation as Simulated
from reconcile.simulator import FaultKind
from tests.providers.arena import TOMORROW
from tests.providers.paths import CALENDLY_PATHS, GHL_PATHS
from tests.providers.steps import FAILURES, Path, Stage, answer, staged, without

PATHS = [pytest.param(each, id=f"ghl by {each.name}") for each in GHL_PATHS] + [
    pytest.param(each, id=f"calendly by {each.name}") for each in CALENDLY_PATHS
]
MAY_BE_REFUSED = {("invitee, canceled", Operation.CURRENT_USER, ErrorClass.CREDENTIAL)}
"""A token that may not read its own user can still tell of the place that was asked for."""
PUT_OFF = {"429": RateLimited, "the run's time ends": OutOfTime}
"""Failures of which nothing is known against the provider; each has a class of its own."""
ALWAYS_THERE = {
    Operation.CONTACT_SEARCH,
    Operation.CALENDARS,
    Operation.CALENDAR_EVENTS,
    Operation.LOCATION,
    Operation.CURRENT_USER,
    Operation.SCHEDULED_EVENTS,
}
"""Operations of which no 404 says that something is gone."""
STATUS = "appointmentStatus|appoinmentStatus|status"
REQUIRED: Mapping[Operation, tuple[str, ...]] = {
    Operation.APPOINTMENT: ("id", "startTime", STATUS),
    Operation.CONTACT_APPOINTMENTS: ("events", "id", "startTime", STATUS),
    Operation.CONTACT_SEARCH: ("contacts", "id"),
    Operation.CALENDARS: ("calendars", "id"),
    Operation.CALENDAR_EVENTS: ("events", "id", "startTime", STATUS),
    Operation.LOCATION: ("timezone",),
    Operation.SCHEDULED_EVENT: ("resource", "uri", "status", "start_time"),
    Operation.SCHEDULED_EVENTS: ("collection", "pagination", "uri", "status", "start_time"),
    Operation.INVITEE: ("resource", "uri", "status"),
    Operation.INVITEES: ("collection", "pagination", "uri", "status"),
    Operation.CURRENT_USER: ("resource", "uri"),
}
"""Fields without which an answer says nothing; of several names in one entry, one is enough."""


@pytest.mark.parametrize("path", PATHS)
async def test_a_failure_of_any_request_fails_the_look_up(path: Path) -> None:
    async with staged(path) as stage:
        for step in path.steps:
            operation = path.operations[step]
            for name, (fail, error_class) in FAILURES.items():
                if (path.name, operation, error_class) in MAY_BE_REFUSED:
                    continue
                if _is_one_list_of_many(path, operation) and error_class is ErrorClass.CONTRACT:
                    continue
                error = await stage.failure(step, fail)
                put_off = type(error) if isinstance(error, tuple(PUT_OFF.values())) else None
                found = (error.provider, error.operation, error.error_class, put_off)

                assert found == (stage.gateway.provider, operation, error_class, PUT_OFF.get(name)), (name, step)


@pytest.mark.parametrize("path", PATHS)
async def test_a_response_without_a_required_field_fails_the_look_up(path: Path) -> None:
    async with staged(path) as stage:
        for step in path.steps:
            whole = stage.bodies[step]
            for key in REQUIRED[path.operations[step]]:
                if (body := without(whole, key)) == without(whole, ""):
                    continue  # the field has no place in this answer
                if _is_one_list_of_many(path, path.operations[step]):
                    assert await _proves_nothing(stage, step, answer(200, body)), key
                    continue
                error = await stage.failure(step, answer(200, body))

                assert isinstance(error, ContractFault), (step, key)
                assert (error.operation, error.provider) == (path.operations[step], stage.gateway.provider), key


@pytest.mark.parametrize("path", PATHS)
async def test_a_404_of_a_permanent_resource_is_a_failure_and_no_absence(path: Path) -> None:
    gone = answer(404, {"title": "Resource Not Found", "message": "The server could not find the requested resource."})
    async with staged(path) as stage:
        for step in path.steps:
            if path.operations[step] in ALWAYS_THERE:
                error = await stage.failure(step, gone)

                assert (error.operation, error.status) == (path.operations[step], 404)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_token_that_may_not_read_its_user_still_returns_the_stored_booking(status: int) -> None:
    """The one failure that a look-up survives: nothing is said of other places then."""
    path = next(each for each in CALENDLY_PATHS if each.name == "invitee, canceled")
    async with staged(path) as stage:
        found = await stage.walk(failing=2, fail=answer(status, {"message": "Permission denied"}))

        assert isinstance(found, Answer)
        assert [each.id for each in found.appointments] == [stage.leads[0].rollup.booking_id]
        assert found.absent == frozenset()


async def test_a_missing_booking_of_a_chain_is_absent_and_earlier_ones_are_known() -> None:
    """Calendly says so of the invitee or of its event."""
    path = next(each for each in CALENDLY_PATHS if each.name == "invitee, moved three times")
    gone = answer(404, {"title": "Resource Not Found", "message": "The server could not find the requested resource."})
    async with staged(path) as stage:
        whole = await stage.walk()
        assert isinstance(whole, Answer)
        chain = [each.id for each in whole.appointments]
        for step in path.steps:
            found = await stage.walk(failing=step, fail=gone)

            assert isinstance(found, Answer)
            assert [each.id for each in found.appointments] == chain[: step // 2]
            assert found.absent == {chain[step // 2]}


async def test_a_failed_zone_request_is_repeated() -> None:
    """A failure is remembered of one lead and not of its location."""
    path = next(each for each in GHL_PATHS if each.name == "id, naive times")
    async with staged(path) as stage:
        ghl, (subject,) = stage.arena, stage.leads
        ghl.switch(FaultKind.SERVER_ERROR, 500, operation=Simulated.GHL_LOCATION, times=3)
        with pytest.raises(ProviderUnavailable):
            await ghl.ask(subject)
        ghl.simulator.faults.clear()
        ghl.switch(FaultKind.TIME_FORMAT, "naive")

        assert (await ghl.only(subject)).starts_at == TOMORROW


def _is_one_list_of_many(path: Path, operation: Operation) -> bool:
    """Return whether the invitees of several events are read, so that one unreadable list blocks no other."""
    return operation is Operation.INVITEES and path.name in {"address", "address of many", "invitee, canceled"}


async def _proves_nothing(stage: Stage, step: int, fail: object) -> bool:
    """Return whether the look-up fails by the contract, or says that its search is incomplete."""
    try:
        found = await stage.walk(failing=step, fail=fail)
    except ContractFault:
        return True
    return isinstance(found, Answer) and found.unverified is Unverified.INCOMPLETE

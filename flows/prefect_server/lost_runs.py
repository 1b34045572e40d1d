"""Runs that were killed before they could tell Prefect, which would show them as running for ever."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import StateType
from prefect.states import Crashed

_AT_WORK = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


def close_lost_runs(tag: str) -> None:
    """Mark as crashed what Prefect believes to be at work on a run directory. Only for who holds its lock.

    tag: of all flow runs that work on the directory.
    """
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_AT_WORK)),
    )
    with get_client(sync_client=True) as client:
        for lost in client.read_flow_runs(flow_run_filter=wanted):
            state = Crashed(message="Its process ended without a word; a later one continues the run.")
            client.set_flow_run_state(lost.id, state, force=True)

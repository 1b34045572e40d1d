"""Close flow runs that were killed before they could tell Prefect, which would show them as running for ever."""

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
    """Mark as crashed all flow runs that Prefect believes to be running on a run directory.

    Call it only while holding the lock of the directory. tag: the tag of all flow runs on the directory.
    """
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_AT_WORK)),
    )
    with get_client(sync_client=True) as client:
        for lost in client.read_flow_runs(flow_run_filter=wanted):
            state = Crashed(message="Its process ended without a word; a later one continues the run.")
            client.set_flow_run_state(lost.id, state, force=True)

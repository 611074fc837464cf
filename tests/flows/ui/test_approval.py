"""A person's word, on a real server: asked for, given, and asked for again."""

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry, Crashed

from flows.ui import approval
from flows.ui.approval import OpenTestSet

pytestmark = [pytest.mark.slow]


@flow(name="asking", persist_result=False)
def asking() -> bool:
    """Ask once."""
    return approval.answer(OpenTestSet.with_initial_data(description="Figures."), "test-of-this").open_test_set


@pytest.mark.parametrize("word", [True, False])
def test_a_flow_run_that_is_retried_after_an_answer_asks_again(prefect_server, word):
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(asking), f"asking-{word}")
        run = client.create_flow_run_from_deployment(deployment).id

        def suspended():
            with pytest.raises(Pause):
                run_flow(asking, flow_run=client.read_flow_run(run))
            return client.read_flow_run(run).state

        for given in (word, not word):
            assert suspended().name == "Suspended"
            client.resume_flow_run(run, run_input={"open_test_set": given})
            assert run_flow(asking, flow_run=client.read_flow_run(run)) is given
            client.set_flow_run_state(run, Crashed(), force=True)
            client.set_flow_run_state(run, AwaitingRetry())

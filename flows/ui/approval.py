"""With `--approve`, a person's word: the flow run is suspended until somebody fills in a form in the Prefect UI."""

from typing import TypeVar

from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment
from pydantic import Field

from experiment.champion import Decision
from experiment.errors import InputError, Interrupted
from experiment.results.selection import Selection
from experiment.search.ranking import Candidate
from experiment.summary import Summary
from report.text.verdict import verdict

Form = TypeVar("Form", bound=RunInput)


class OpenTestSet(RunInput):
    open_test_set: bool = Field(True, description="If not, the run is cancelled and the test set stays closed.")


class Promote(RunInput):
    promote: bool = Field(description="Whether this model becomes the champion.")


def check() -> None:
    """Raise InputError unless the flow run can be resumed."""
    if not deployment.id:
        raise InputError("approve: it needs a flow run of a deployment, which a worker can resume: see make deploy")


def before_test(best: Candidate, selection: Selection) -> None:
    """Wait for leave to open the test set; Interrupted if it is refused."""
    figures = (
        f"The best combination is **{best.combination.words}**: validation accuracy {best.val_accuracy:.2%}, "
        f"cross-entropy {best.val_cross_entropy:.4f}, in epoch {best.best_epoch}. The test set is opened once."
    )
    form = OpenTestSet.with_initial_data(description=figures)
    if not answer(form, f"test-{selection.identity}").open_test_set:
        raise Interrupted("the test set was not to be opened")


def promotion(summary: Summary, decision: Decision) -> bool:
    """Wait for the word whether the model becomes champion."""
    rule = f"By the rule it {'would' if decision.promoted else 'would not'} become champion: {decision.why}."
    form = Promote.with_initial_data(description=f"{verdict(summary)}.\n\n{rule}", promote=decision.promoted)
    return answer(form, f"promote-{summary.runs['evaluate'][0]}").promote


def answer(form: type[Form], key: str) -> Form:
    """The form, filled in by a person; a flow run that is retried asks again."""
    context = FlowRunContext.get()
    assert context
    assert context.flow_run
    run = context.flow_run
    if key not in (run.empirical_policy.pause_keys or ()):
        # A retry clears Prefect's list of forms shown, but keeps the forms and answers, with which new ones conflict.
        with get_client(sync_client=True) as client:
            for earlier in client.filter_flow_run_input(run.id, f"suspended-{key}", limit=3, exclude_keys=set()):
                client.delete_flow_run_input(run.id, earlier.key)
    return suspend_flow_run(form, key=key)

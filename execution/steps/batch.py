"""Several short runs of a step in one Prefect task run, each with its own cache entry, W&B run and checkpoint."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.states import Cancelled, Failed
from prefect.utilities.engine import link_state_to_task_run_result

from execution import log
from execution.config import RunContext
from execution.steps.step import RESULTS
from experiment.values import Result

Outcome = Result | str | None  # the step's result, why it failed, or None if it was left unfinished


def batched(step: Task[..., Any]) -> Task[..., list[Outcome]]:
    """A task that runs `step` for each of some inputs. Its state, the worst of the runs', holds every outcome."""
    called: Callable[[Mapping[str, Any]], str] = step.task_run_name  # type: ignore[assignment]  # as `@step` makes it

    def named(parameters: dict[str, Any]) -> str:
        jobs = parameters["jobs"]
        return f"{called(jobs[0])} … {called(jobs[-1])} ({len(jobs)})"

    @task(
        name=step.name,
        task_run_name=named,  # type: ignore[arg-type]  # a function has what Prefect asks for, but for a type
        cache_policy=NO_CACHE,
        persist_result=False,
        **RESULTS,
    )
    def run_batch(execution: RunContext, jobs: Sequence[Mapping[str, Any]]) -> Any:
        context = TaskRunContext.get()
        assert context is not None
        mine, results, lines = str(context.task_run.id), [], []
        for job in jobs:
            result: Outcome
            try:
                result, how = step.fn(execution, **job), "unfinished"
                if isinstance(result, Result):
                    how = f"{'done' if result.task_run == mine else 'cached'}, W&B run {result.identity}"
                else:  # a state
                    result = None
            except Exception as error:
                log.exception("The step failed:", extra={"console": False})
                result, how = f"Task run encountered an exception {type(error).__name__}: {error}", "failed"
            results.append(result)
            lines.append(f"{called(job)}: {how}")
        log.info("%s", "\n".join(lines), extra={"console": False})  # one message: the server is slow
        if failed := sum(isinstance(result, str) for result in results):
            return Failed(message=f"{failed} of {len(results)} failed", data=results)
        if left := results.count(None):
            return Cancelled(message=f"{left} of {len(results)} are unfinished", data=results)
        return results

    return run_batch


def outcomes(state: State[Any], count: int) -> list[Outcome]:
    """The outcome of each of the `count` runs whose task run ended in this state."""
    data: Any = state.result(raise_on_failure=False)
    link_state_to_task_run_result(state, data)  # arrows in the UI: Prefect cannot trace objects of other processes
    if isinstance(data, list):
        return data
    if state.is_completed():
        return [data]
    return [None if state.is_cancelled() else str(state.message)] * count

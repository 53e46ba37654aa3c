"""dlt's trace of a run, `dlt pipeline … trace`, without the words of exceptions.

dlt leaves out the values of secrets that it was asked for as secrets. What else could hold one, or
quote a record, is an exception's words: its kind and its places are kept.
"""

from types import SimpleNamespace
from typing import Any, Final

from dlt.pipeline import trace as dlt_trace
from dlt.pipeline.trace import PipelineStepTrace, PipelineTrace


def _take_words(trace: PipelineTrace, step: PipelineStepTrace, *_: object) -> None:
    """Takes out of the step that has ended what may not be written."""
    if step.step_exception is None:
        return
    for one in step.exception_traces:
        one["message"] = one["exception_type"]
        one.pop("exception_attrs", None)
    kinds = ", caused by ".join(one["exception_type"] for one in step.exception_traces)
    trace.steps[-1] = step._replace(step_exception=kinds)


CALLS: Final = ("on_start_trace", "on_start_trace_step", "on_end_trace_step", "on_end_trace")
TRACKING: Final[Any] = SimpleNamespace(**dict.fromkeys(CALLS, lambda *_: None))
TRACKING.on_end_trace_step = _take_words


def start() -> None:
    """Has every trace of this process gone over; dlt 1.31 has no setting for that."""
    if TRACKING not in dlt_trace.TRACKING_MODULES:
        dlt_trace.TRACKING_MODULES.append(TRACKING)

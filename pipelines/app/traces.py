"""dlt's trace of a run, `dlt pipeline … trace`: without secrets, and as the setting on people says.

dlt leaves out the values of secrets that it was asked for as secrets. What else could hold one is
an exception's words, which may quote a request, a statement or a record.
"""

from typing import Any

from dlt.common.exceptions import ExceptionTrace
from dlt.common.pipeline import SupportsPipeline
from dlt.pipeline.trace import PipelineStepTrace, PipelineTrace

from app.console import without_secrets
from app.errors import keeps_personal_data
from warehouse.workarounds import watch_traces


class Redaction:
    """A tracking module of dlt's, which goes over each step before dlt writes the trace."""

    def on_start_trace(self, *_: object) -> None:
        """Nothing is known yet."""

    def on_start_trace_step(self, *_: object) -> None:
        """Nothing is known yet."""

    def on_end_trace_step(self, trace: PipelineTrace, step: PipelineStepTrace, *_: object) -> None:
        """Takes out of the step that has ended what may not be written."""
        if step.step_exception is None:
            return
        keeps = keeps_personal_data()
        trace.steps[-1] = step._replace(
            step_exception=without_secrets(step.step_exception) if keeps else _kind(step),
            exception_traces=[_redacted(one, keeps=keeps) for one in step.exception_traces],
        )

    def on_end_trace(
        self, trace: PipelineTrace, pipeline: SupportsPipeline, send_state: bool
    ) -> None:
        """Each step has been gone over."""


def start() -> None:
    """Has every trace of this process gone over."""
    watch_traces(Redaction())


def _kind(step: PipelineStepTrace) -> str:
    return ", caused by ".join(one["exception_type"] for one in step.exception_traces)


def _redacted(trace: ExceptionTrace, *, keeps: bool) -> ExceptionTrace:
    """The same exception: its kind and its places; its words only where they may quote a record."""
    redacted = trace.copy()
    if not keeps:
        redacted["message"] = trace["exception_type"]
        redacted.pop("exception_attrs", None)
        return redacted
    redacted["message"] = without_secrets(trace["message"])
    if attributes := trace.get("exception_attrs"):
        redacted["exception_attrs"] = {
            name: _without_secrets(value) for name, value in attributes.items()
        }
    return redacted


def _without_secrets(value: Any) -> Any:
    return without_secrets(value if isinstance(value, str) else str(value))

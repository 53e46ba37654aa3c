"""What a run that was killed leaves behind, and how the next one goes on from it.

dlt keeps what was read but not loaded as a package on disk, and completes it in the next run. There
are moments at which a kill leaves dlt's files so that it cannot: the crash test found them, and
`workarounds` repairs them.
"""

import logging
from pathlib import Path
from typing import Final

from dlt import Pipeline
from dlt.pipeline.exceptions import PipelineStepFailed

from warehouse.workarounds import (
    begin_loads_again,
    forget_broken,
    keep_newest_packages,
    remove_loaded_state,
    remove_normalized,
    remove_unfinished_schemas,
    take_schema,
)

KEPT_PACKAGES: Final = 5
"""Packages that are loaded of which `dlt pipeline … load-package` can tell."""

log = logging.getLogger(__name__)


def repair(working_folder: Path) -> None:
    """Makes a pipeline's working folder one that dlt can open. To be called before it does."""
    remove_unfinished_schemas(working_folder)
    remove_normalized(working_folder)
    begin_loads_again(working_folder)
    forget_broken(working_folder)


def finish_interrupted(pipeline: Pipeline) -> None:
    """Loads what an interrupted run had read but not loaded.

    It may be out of Drift's reach by now, so it is loaded rather than read again. A package that
    the destination refuses for good is set aside by dlt, and the cursor with it.
    """
    if pipeline.has_pending_data:
        log.info("completing what an interrupted run had read")
        _load_pending(pipeline)
    keep_newest_packages(pipeline, KEPT_PACKAGES)


def _load_pending(pipeline: Pipeline) -> None:
    # Not by run(): it looks at the destination first, and where the first run was interrupted it
    # finds nothing there, and discards what is here.
    extracted = pipeline.list_extracted_load_packages()
    normalized = pipeline.list_normalized_load_packages()
    for load_id in extracted or normalized:
        take_schema(pipeline, load_id)
    for load_id in normalized:
        remove_loaded_state(pipeline, load_id)
    try:
        if extracted:
            pipeline.normalize()
        pipeline.load()
    except PipelineStepFailed:
        if pipeline.has_pending_data:
            raise
        log.warning("the destination refuses it; it will be read again")

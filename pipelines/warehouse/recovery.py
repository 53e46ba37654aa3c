"""What a run that was killed leaves behind, and how the next one goes on from it.

dlt keeps what was read but not loaded as a package on disk, and completes it in the next run. Each
step below mends a moment at which a kill leaves dlt's files so that it cannot; the crash test found
them.
"""

import json
import logging
import shutil
from pathlib import Path

from dlt import Pipeline
from dlt.common.schema import Schema
from dlt.pipeline.exceptions import PipelineStepFailed

log = logging.getLogger(__name__)


def repair(working_folder: Path) -> None:
    """Makes a pipeline's working folder one that dlt can open. To be called before it does."""
    for path in (working_folder / "schemas").glob("*"):
        # Killed while a schema was written: dlt would take the file aside for a schema.
        if not path.name.endswith(".json"):
            path.unlink()
    for path in (working_folder / "normalize" / "extracted").glob("*"):
        # Killed between normalizing a package, which appears in one step, and removing what it was
        # made of: dlt would make it again from what is left of that.
        if (working_folder / "load" / "normalized" / path.name).exists():
            shutil.rmtree(path)


def finish_interrupted(pipeline: Pipeline) -> None:
    """Loads what an interrupted run had read but not loaded.

    It may be out of Drift's reach by now, so it is loaded rather than read again. A package that
    the destination refuses for good is set aside by dlt, and the cursor with it.
    """
    if pipeline.has_pending_data:
        log.info("completing what an interrupted run had read")
        _load_pending(pipeline)


def _load_pending(pipeline: Pipeline) -> None:
    # Not by run(): it looks at the destination first, and where the first run was interrupted it
    # finds nothing there, and discards what is here.
    extracted = pipeline.list_extracted_load_packages()
    for load_id in extracted:
        # Killed just after reading: the package alone has the schema of what was read.
        package = Path(pipeline.working_dir, "normalize", "extracted", load_id, "schema.json")
        pipeline.schemas.save_schema(Schema.from_dict(json.loads(package.read_text("utf-8"))))
    try:
        if extracted:
            pipeline.normalize()
        pipeline.load()
    except PipelineStepFailed:
        if pipeline.has_pending_data:
            raise
        log.warning("the destination refuses it; it will be read again")

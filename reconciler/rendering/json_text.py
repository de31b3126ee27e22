"""Plans and runs as JSON text. It is the saved format: what is printed can be read back."""

import json

from reconciler.model.canonical import Json
from reconciler.model.plan import Plan
from reconciler.model.plan_codec import encode_plan
from reconciler.model.receipt import Run
from reconciler.model.run_codec import encode_run


def plan_json(plan: Plan) -> str:
    """Return the plan as schemas/plan.schema.json says, indented, ASCII, with a line end."""
    return _indented(encode_plan(plan))


def run_json(run: Run) -> str:
    """Return the run as schemas/receipt.schema.json says, indented, ASCII, with a line end."""
    return _indented(encode_run(run))


def _indented(document: Json) -> str:
    return json.dumps(document, indent=2, allow_nan=False) + "\n"

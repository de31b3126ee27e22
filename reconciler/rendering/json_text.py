"""Plans and runs as JSON text. It is the saved format: what is printed can be read back."""

from reconciler.model.json_text import json_text
from reconciler.model.plan import Plan
from reconciler.model.plan_codec import plan_pieces
from reconciler.model.receipt import Run
from reconciler.model.run_codec import encode_run


def plan_json(plan: Plan) -> str:
    """Return the plan as schemas/plan.schema.json says, byte for byte as it is saved."""
    return "".join(plan_pieces(plan))


def run_json(run: Run) -> str:
    """Return the run as schemas/receipt.schema.json says."""
    return json_text(encode_run(run))

"""Plans and runs as JSON text. It is the saved format: what is printed can be read back."""

from reconciler.codec import plan_pieces, run_text
from reconciler.model.plan import Plan
from reconciler.model.receipt import Run


def plan_json(plan: Plan) -> str:
    """Return the plan as schemas/plan.schema.json says, byte for byte as it is saved."""
    return "".join(plan_pieces(plan))


def run_json(run: Run) -> str:
    """Return the run as schemas/receipt.schema.json says."""
    return run_text(run)

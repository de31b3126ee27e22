"""The table of time limits in the guide to pipelines has the names and numbers of the code."""

import re

from reconciler.model.settings import Requests
from tests.docs.pages import ROOT

_ROW = re.compile(r"^\| `(\w+)` \| (none|\d+ s) \|", re.MULTILINE)


def test_the_guide_has_every_time_limit_with_its_default() -> None:
    text = (ROOT / "docs" / "guides" / "pipelines.md").read_text(encoding="utf-8")
    told = {name: None if value == "none" else float(value.removesuffix(" s")) for name, value in _ROW.findall(text)}
    limits = {name: getattr(Requests(), name) for name in Requests.__struct_fields__}
    assert told == {name: value for name, value in limits.items() if name not in ("reads", "writes")}

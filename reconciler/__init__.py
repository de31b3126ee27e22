"""Declarative reconciler for Venafi TPP workflow tickets: YAML in git, reviewed, applied as planned."""

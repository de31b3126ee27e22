"""A plan to receipts, with every effect behind a port. Never opens a manifest and never talks to a server itself."""

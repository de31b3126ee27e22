"""GitHub: event context, pull request facts, OIDC tokens, comments and issues. Knows nothing of TPP."""

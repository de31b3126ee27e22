"""What stays on disk: plan files, the hash-chained record of intents and receipts, and the lock that guards it."""

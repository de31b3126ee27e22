"""Backends for change records: ServiceNow, Jira, or a service of the user's own. Wire dictionaries stop here."""

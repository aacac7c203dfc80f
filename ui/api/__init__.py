"""Citedesk's functions over HTTP: search, ask, papers, status and feedback, under /api, with their description."""

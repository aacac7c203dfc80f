"""Offline evaluation against gold questions."""

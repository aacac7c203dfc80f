"""What each part of the ranking contributes."""

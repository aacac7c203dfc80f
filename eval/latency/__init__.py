"""What writing an answer adds to the endpoint's own time."""

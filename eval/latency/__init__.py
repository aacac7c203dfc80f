"""What writing an answer adds to the time of the endpoint itself."""

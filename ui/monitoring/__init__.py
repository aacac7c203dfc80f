"""What the server tells whoever runs it: probes, metrics and a line in the log for each request."""

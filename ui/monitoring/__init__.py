"""What the server reports to its operator: probes, metrics and a line in the log for each request."""

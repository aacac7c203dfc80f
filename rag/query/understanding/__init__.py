"""What a question asks for: kind, filters, order, count and search text."""

"""Language models behind OpenAI-compatible endpoints: requests, streamed replies, failures and their accounting."""

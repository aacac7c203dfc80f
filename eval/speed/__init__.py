"""`citedesk bench`: time, memory and disk beside plain LlamaIndex, in turn, in fresh processes."""

"""The chat: a Gradio app over the events of `ask`, and the same functions over HTTP and MCP."""

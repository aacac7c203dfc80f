"""Evidence → answer text: extractive, or written by a language model."""

"""The ranker: weights of the signals, probabilities of relevance and answerability, the refusal threshold."""

"""Train the entailment model, which labels claims as supported, contradicted or undecided; needs torch."""

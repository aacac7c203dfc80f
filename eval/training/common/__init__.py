"""What both trainings share: records, splits, the network, optimisation, measures, export and provenance."""

"""The measures of an answer; each names its source."""

"""What is measured of an answer; each measure's file names its source."""

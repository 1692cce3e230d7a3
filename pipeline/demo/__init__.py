"""``make demo``: orders run through the pipeline, and what was accepted is counted against what arrived."""

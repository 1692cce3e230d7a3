"""The sandbox against answers of AWS: cases as data, run one by one, and counted."""

"""``eda-sandbox dev``: a program that runs in the embedded AWS while it is edited."""

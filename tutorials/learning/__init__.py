"""A lesson as it is taken: its code run and recorded, answers judged, tries and files run, the place kept."""

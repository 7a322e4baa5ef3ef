"""The monitor: whether a model still sees what it was trained on, and is still as good as it was then.

Captured windows are compared with the manifest's histograms (PSI, KS, range, constancy, missing values) by
limits that training found for quiet stretches of its own data; where outcomes were reported, the metrics of
training are computed again on live predictions.
"""

"""The explorer's charts: numpy arrays in, plotly figures out, no widgets; one module per topic."""

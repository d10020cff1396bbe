"""Causes of residuals: each turns evidence and the present geometry into rows."""

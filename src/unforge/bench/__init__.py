"""Measuring: a protocol runs examiners over data, a record keeps the figures, tables are rendered from it."""

"""Counters of what went wrong, kept in the database so that they survive the queue server."""

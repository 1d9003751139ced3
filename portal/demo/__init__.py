"""A believable practice for newcomers and for measuring; never in production."""

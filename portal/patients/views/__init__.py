"""One module for each stretch of the way in; importing it registers its routes."""

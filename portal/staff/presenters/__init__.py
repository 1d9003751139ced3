"""Facts -> what a page shows: words, tones and shapes, as typed values. Templates compare no strings."""

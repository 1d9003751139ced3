"""The identity check: a second lock behind the possession of a link."""

"""The staff's forms. Values are judged by :mod:`portal.people.rules`; the sentences come from its wording."""

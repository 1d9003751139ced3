"""Only for the machine of whoever works on the portal: the caught mail, and what ``make run`` starts."""

from portal.dev.views import blueprint

__all__ = ["blueprint"]

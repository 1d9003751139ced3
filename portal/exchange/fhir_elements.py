"""Look into FHIR elements that may have any shape: what is of another shape is not there."""

from __future__ import annotations

from typing import Any

Element = dict[str, Any]


def elements(parent: object, name: str) -> list[Element]:
    """The objects in a repeating element; what is of another shape is no element."""
    found = parent.get(name) if isinstance(parent, dict) else None
    return [element for element in listed(found) if isinstance(element, dict)]


def element(parent: object, name: str) -> Element:
    """The object that an element is; {} where it is none."""
    found = parent.get(name) if isinstance(parent, dict) else None
    return found if isinstance(found, dict) else {}


def string(parent: Element, name: str) -> str:
    """A text; "" where there is none."""
    found = parent.get(name)
    return found if isinstance(found, str) else ""


def listed(found: object) -> list[Any]:
    """A list; [] for what is none."""
    return found if isinstance(found, list) else []

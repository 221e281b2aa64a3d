"""What recording may cost: creates are priced by the catalogue before they are sent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Any

from ..errors import BudgetExceededError
from ..protocol import catalogue
from ..protocol.catalogue import Region

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Purchase:
    """What one create buys."""

    model: str
    images: int
    price: Decimal | None
    """CNY for all images; None for a model that the catalogue does not know."""

    def __str__(self) -> str:
        price = "at an unknown price" if self.price is None else f"¥{self.price:.2f}"
        return f"{self.images} × {self.model or 'no model'}, {price}"


def purchase(form: Json, region: Region) -> Purchase:
    """What a create in canonical form will buy in a region."""
    name = form.get("model")
    name = name if isinstance(name, str) else ""
    images = _images(form)
    model = catalogue.load().models.get(name)
    if model is None:
        return Purchase(name, images, None)
    each = model.price.get(region) or max(model.price.values())
    return Purchase(name, images, each * images)


def _images(form: Json) -> int:
    try:
        return max(1, int((form.get("parameters") or {})["n"]))
    except (KeyError, TypeError, ValueError):
        return 1


class Budget:
    """CNY that may be spent, and what was.

    Args:
        limit: the most; None is no limit.

    Raises:
        ValueError: for what is no number.
    """

    def __init__(self, limit: float | None = None) -> None:
        self.limit = None if limit is None else Decimal(str(limit))
        if self.limit is not None and self.limit.is_nan():
            raise ValueError(f"a budget is a sum of CNY, such as 0.5, not {limit}")
        self.spent = Decimal(0)
        self.images = 0
        self._lock = Lock()  # over a socket, requests come in threads of their own

    def take(self, bought: Purchase) -> None:
        """Set a price aside before a create goes out, so that two at once cannot both fit.

        Raises:
            BudgetExceededError: if it does not fit. The create must not be sent.
        """
        with self._lock:
            if self.limit is not None and bought.price is None:
                raise BudgetExceededError(
                    "this create was not sent: the catalogue has no price for its model, so the "
                    f"budget of ¥{self.limit:.2f} cannot be kept; record it without a budget"
                )
            price = bought.price or Decimal(0)
            if self.limit is not None and self.spent + price > self.limit:
                raise BudgetExceededError(
                    f"this create was not sent: it costs ¥{price}, and ¥{self.spent:.2f} of the "
                    f"budget of ¥{self.limit:.2f} are spent; raise the budget, or ask for fewer "
                    "pictures (n)"
                )
            self.spent += price
            self.images += bought.images

    def give_back(self, bought: Purchase) -> None:
        """Take back what was set aside for a create that the service did not accept."""
        with self._lock:
            self.spent -= bought.price or Decimal(0)
            self.images -= bought.images

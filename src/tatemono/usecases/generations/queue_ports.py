"""The old place of these, until the workers import them from `generations.ports`."""

from tatemono.usecases.generations.ports import Ticket, TicketQueue

__all__ = ["Ticket", "TicketQueue"]

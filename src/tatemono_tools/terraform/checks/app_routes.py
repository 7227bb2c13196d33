"""Routes of the services, and how often their workers ask for time, for the checks of what stands on AWS."""

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from types import ModuleType

from fastapi import APIRouter
from starlette.routing import BaseRoute, Route

from tatemono import entrypoints
from tatemono.domain.privacy.exports import LEASE as EXPORT_LEASE
from tatemono.entrypoints.image_worker import exporting, lease_keeper
from tatemono.entrypoints.mail_worker import worker
from tatemono_tools.plan.building import Plan
from tatemono_tools.terraform.checks.routing import Route as AppRoute

_HTTP_SERVICES = {"admin_api": "admin-api", "mobile_api": "mobile-api", "web": "web"}
_PARAMETER = re.compile(r"\{[^}]+\}")


def app_routes() -> tuple[AppRoute, ...]:
    """Every route of the three HTTP services, but the health that the load balancer asks each task for."""
    found: set[AppRoute] = set()
    for package, service in _HTTP_SERVICES.items():
        home = importlib.import_module(f"{entrypoints.__name__}.{package}")
        for name in (module.name for module in pkgutil.walk_packages(home.__path__, f"{home.__name__}.")):
            if not name.endswith(".__main__"):
                found |= {_app_route(service, *found_route) for found_route in _routes(importlib.import_module(name))}
    return tuple(sorted(found))


def heartbeats(plan: Plan) -> dict[str, float]:
    """Seconds after which the consumer of each queue asks for more time for what it holds; 0 where it never does."""
    return dict.fromkeys(plan.queues, 0.0) | {
        "image-jobs": _lease(plan, "image-worker") / lease_keeper.RENEWALS_PER_LEASE,
        "mail": _lease(plan, "mail-worker") / worker.RENEWALS_PER_LEASE,
        "exports": EXPORT_LEASE.total_seconds() / exporting.RENEWALS_PER_LEASE,
    }


def _lease(plan: Plan, service: str) -> int:
    return int(plan.services[service].environment["LEASE_SECONDS"].value or 0)


def _routes(module: ModuleType) -> Iterator[tuple[str, str]]:
    for value in vars(module).values():
        if isinstance(value, APIRouter):
            yield from _of_routes(value.routes)
        elif isinstance(value, list):
            yield from _of_routes(value)
    # The documentation is made by the application, beneath its prefix.
    if isinstance(prefix := vars(module).get("PREFIX"), str):
        yield from (("GET", f"{prefix}{page}") for page in ("/openapi.json", "/docs"))


def _of_routes(routes: Iterable[BaseRoute | object]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Route):
            yield from ((method, route.path) for method in route.methods or ())


def _app_route(service: str, method: str, path: str) -> AppRoute:
    return AppRoute(service, method, _PARAMETER.sub("7f9c0c1e-2f0d-4e0b-9d0e-6a4e0c1b2a3d", path))

"""Every figure the painter can draw, by the name of its subject."""

from tatemono_studio.painter.animals import ANIMALS
from tatemono_studio.painter.birds import BIRDS
from tatemono_studio.painter.buildings import BUILDINGS
from tatemono_studio.painter.people import PEOPLE
from tatemono_studio.painter.plants import PLANTS
from tatemono_studio.painter.shapes import Figure
from tatemono_studio.painter.things import THINGS
from tatemono_studio.painter.vehicles import VEHICLES

FIGURES: dict[str, Figure] = {**ANIMALS, **BIRDS, **PEOPLE, **BUILDINGS, **VEHICLES, **PLANTS, **THINGS}

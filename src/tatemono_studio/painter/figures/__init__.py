"""Every figure the painter can draw, by the name of its subject."""

from tatemono_studio.painter.figures.animals import ANIMALS
from tatemono_studio.painter.figures.birds import BIRDS
from tatemono_studio.painter.figures.buildings import BUILDINGS
from tatemono_studio.painter.figures.people import PEOPLE
from tatemono_studio.painter.figures.plants import PLANTS
from tatemono_studio.painter.figures.shapes import Figure
from tatemono_studio.painter.figures.things import THINGS
from tatemono_studio.painter.figures.vehicles import VEHICLES

FIGURES: dict[str, Figure] = {**ANIMALS, **BIRDS, **PEOPLE, **BUILDINGS, **VEHICLES, **PLANTS, **THINGS}

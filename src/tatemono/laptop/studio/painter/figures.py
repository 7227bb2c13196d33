"""Every figure the painter can draw, by the name of its subject."""

from tatemono.laptop.studio.painter.animals import ANIMALS
from tatemono.laptop.studio.painter.birds import BIRDS
from tatemono.laptop.studio.painter.buildings import BUILDINGS
from tatemono.laptop.studio.painter.people import PEOPLE
from tatemono.laptop.studio.painter.plants import PLANTS
from tatemono.laptop.studio.painter.shapes import Figure
from tatemono.laptop.studio.painter.things import THINGS
from tatemono.laptop.studio.painter.vehicles import VEHICLES

FIGURES: dict[str, Figure] = {**ANIMALS, **BIRDS, **PEOPLE, **BUILDINGS, **VEHICLES, **PLANTS, **THINGS}

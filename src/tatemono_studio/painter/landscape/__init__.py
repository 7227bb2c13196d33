"""The parts of a landscape: sky, land, water, plants and whole worlds."""

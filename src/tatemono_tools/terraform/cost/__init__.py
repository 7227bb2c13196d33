"""What an environment costs in a month: by part of the building, for each picture, and for each user."""

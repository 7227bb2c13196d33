"""The processes of a building: started, supervised, logged, stopped."""

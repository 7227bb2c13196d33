"""The mobile API: what the app on the phone talks to."""

"""Pillow: pictures checked, cleaned, made small and hashed."""

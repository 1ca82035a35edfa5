"""The routes of the API, a file for each thing that they are about."""

API = "/api/v1"
"""Before every path of the API."""

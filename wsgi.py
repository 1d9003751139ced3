"""The WSGI entry point: ``gunicorn wsgi:app`` and ``flask --app wsgi``."""

from config import load_settings
from portal import create_app

app = create_app(load_settings())

"""The FastAPI application as a function."""

from fastapi_app import app
from mangum import Mangum

handler = Mangum(app, lifespan="off")

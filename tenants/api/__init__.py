"""What every app's REST API is made of, and the API of the tenants app itself (``urls.routes``)."""

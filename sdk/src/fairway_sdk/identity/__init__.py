"""Who is calling: the person, their tenant and scopes, and the service that passes it on."""

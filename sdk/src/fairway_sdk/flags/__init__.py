"""Feature flags: what is on for whom, as the deployment says at this moment."""

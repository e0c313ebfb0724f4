"""An OpenID provider for this machine: local tokens are real: `python -m fairway.local.identity CONFIG.json`."""

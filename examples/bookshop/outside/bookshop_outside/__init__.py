"""What lies outside the bookshop, played on one machine: the card network, the carrier, the mail server."""

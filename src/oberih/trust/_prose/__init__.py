"""Reading prose for what betrays a place or a person (see `oberih.trust.warnings`)."""

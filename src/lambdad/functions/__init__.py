"""The function store: code packages, configurations, versions, aliases."""

"""Where rows come from, and whether they may enter."""

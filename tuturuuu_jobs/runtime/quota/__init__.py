"""A limit of somebody else's, kept together by everybody who spends of it."""

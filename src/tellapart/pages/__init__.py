"""HTML for people: one way of rendering, its charts and its small pictures."""

"""What the page asks: each module parses, calls the studio, and answers."""

"""Project to Graph: references resolved, SQL compiled, columns traced."""

"""Values to GitHub-flavoured markdown: comments, summaries, issues."""

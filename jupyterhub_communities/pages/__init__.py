"""What both doors need for a page: templates, the reader's language, refusals, headers."""

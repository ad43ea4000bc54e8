"""Pages to listen on: the report of an eval run, and a blind listening test made from it."""

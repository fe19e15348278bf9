"""What Tapewatch needs on an Elasticsearch: looked at, compared, and written.

`plan` reads what is there and says what would change; `apply` writes it. What a server lacks is
left out, and said.
"""

"""The same numbers, arranged or chosen differently: shapes, indexing, joining, padding."""

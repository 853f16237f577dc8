-- Removes the oldest rows of a table, a bounded number. {column} is the first of an index.
--
-- By their places: so the plan never depends on how many rows there are, and no ids travel. A row that
-- is changed meanwhile is left to the next time.

DELETE FROM {table}
WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE {column} < %s ORDER BY {column} LIMIT %s
))

-- A text as a field of CSV (RFC 4180), quoted; a leading sign that a spreadsheet would
-- take for a formula is defused by an apostrophe.
CREATE OR REPLACE FUNCTION lastpair.csv_field(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT '"' || replace(CASE WHEN p_text ~ '^[-=+@\t\r]' THEN '''' ELSE '' END || p_text, '"', '""') || '"'
$$;

-- How long to wait after the p_n-th failure in a row: twice as long each time, up to p_most; by chance
-- something between half of that and the whole, so that those who failed together don't come back together.
CREATE OR REPLACE FUNCTION lastpair.webhook_pause(p_n integer, p_first interval, p_most interval) RETURNS interval
LANGUAGE sql VOLATILE AS $$
	SELECT least(p_most, p_first * power(2, least(p_n - 1, 30))) * (0.5 + random() / 2)
$$;

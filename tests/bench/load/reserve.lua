-- A rush: every request is a reserve of another user. Orders come by the environment:
--   BENCH_TOKENS   file with a token a line; each thread has a slice of its own
--   BENCH_THREADS  wrk's -t, to slice by
--   BENCH_DROPS    ids of the drops, with blanks between
--   BENCH_STAY     requests that a thread sends to one drop before it turns to the next;
--                  0 or missing: as many as it has users
--   BENCH_THINK    milliseconds that a connection pauses between two requests, on
--                  average; 0 or missing: none
-- A thread that has used up its users, each once on each drop, begins anew, and is then refused:
-- whoever started the run sees it in the statuses.
dofile(os.getenv("BENCH_SCRIPTS") .. "/report.lua")

local number = function(name) return tonumber(os.getenv(name) or "") or 0 end
local threads, stay, think = number("BENCH_THREADS"), number("BENCH_STAY"), number("BENCH_THINK")
local tokens, heads, first, started, sent = {}, {}, {}, 0, 0

function setup(thread)
	thread:set("place", started)
	started = started + 1
end

-- The requests for the first drop are made beforehand: the client shall cost little.
function init()
	local i = 0

	for line in io.lines(os.getenv("BENCH_TOKENS")) do
		if i % threads == place then tokens[#tokens + 1] = line end
		i = i + 1
	end
	for id in os.getenv("BENCH_DROPS"):gmatch("%d+") do
		heads[#heads + 1] = "POST /api/drops/" .. id .. "/reservations HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
		    "\r\nContent-Type: application/json\r\nContent-Length: 2\r\nAuthorization: Bearer "
	end
	if stay == 0 then stay = #tokens end
	for n in ipairs(tokens) do first[n] = whole(1, n) end
	if think > 0 then math.randomseed(place + 1) end
end

function whole(drop, n)
	return heads[drop] .. tokens[n] .. "\r\n\r\n{}"
end

function request()
	local drop = math.floor(sent / stay) % #heads + 1
	local n = sent % #tokens + 1

	sent = sent + 1
	return drop == 1 and first[n] or whole(drop, n)
end

if think > 0 then
	function delay() return math.random(0, 2 * think) end
end

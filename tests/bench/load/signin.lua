-- A flood of sign-ins: every other one with a wrong password, each of another of
-- BENCH_ACCOUNTS accounts (s0, s1, ... at load.example), so that no account is throttled.
-- BENCH_PASSWORD is the right one.
dofile(os.getenv("BENCH_SCRIPTS") .. "/report.lua")

local accounts, password = tonumber(os.getenv("BENCH_ACCOUNTS")), os.getenv("BENCH_PASSWORD")
local headers = { ["Content-Type"] = "application/json" }
local sent = 0

function request()
	sent = sent + 1
	return wrk.format("POST", "/api/auth/login", headers, string.format('{"email":"s%d@load.example","password":"%s"}',
	    math.floor(sent / 2) % accounts, sent % 2 == 0 and password or "not " .. password))
end

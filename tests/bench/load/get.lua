-- The same GET again and again: the address is wrk's argument.
dofile(os.getenv("BENCH_SCRIPTS") .. "/report.lua")

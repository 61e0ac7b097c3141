-- What every run tells at its end, in one line of JSON: times in microseconds.
function done(summary, latency)
	local e = summary.errors

	print(string.format('bench: {"answers":%d,"us":%d,"refused":%d,"broken":%d,"mean":%d,"p50":%d,"p90":%d,"p99":%d,"max":%d}',
	    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
	    latency.mean, latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max))
end
